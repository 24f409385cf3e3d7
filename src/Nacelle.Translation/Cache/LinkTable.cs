namespace Nacelle.Translation.Cache;

/// <summary>The direct branches out of a vCPU's blocks, by number. Owned by the vCPU's thread.</summary>
internal sealed class LinkTable
{
    private readonly List<Link> _links = [];

    /// <summary>Looks one up.</summary>
    public Link this[int number] => _links[number];

    /// <summary>Adds one.</summary>
    /// <returns>Its number.</returns>
    public int Add(Link link)
    {
        _links.Add(link);
        return _links.Count - 1;
    }

    /// <summary>Forgets all, when the code they are in is discarded.</summary>
    public void Clear() => _links.Clear();
}
