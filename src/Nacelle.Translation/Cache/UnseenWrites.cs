namespace Nacelle.Translation.Cache;

/// <summary>
/// Pages of guest RAM that one vCPU may write to without <see cref="CodeWatch"/> learning of it, because its soft TLB may hold
/// them for writing. Most code lies in pages that most vCPUs never write to; those need not be stopped when it is translated.
/// Changed by the vCPU's thread alone, read by all.
/// </summary>
/// <param name="pages">How many there are.</param>
internal sealed class UnseenWrites(int pages)
{
    private readonly ulong[] _bits = new ulong[(pages + 63) / 64];

    /// <summary>From any thread: whether a page is among them.</summary>
    public bool Contains(int page) => (Volatile.Read(ref _bits[page >> 6]) & (1UL << page)) != 0;

    /// <summary>Enters a page. On the vCPU's thread.</summary>
    public void Add(int page) => Volatile.Write(ref _bits[page >> 6], _bits[page >> 6] | (1UL << page));

    /// <summary>Takes a page out again: no write to it is on its way any more. On the vCPU's thread.</summary>
    public void Remove(int page) => Volatile.Write(ref _bits[page >> 6], _bits[page >> 6] & ~(1UL << page));
}
