using System.Collections.Concurrent;

namespace Nacelle.Linux;

/// <summary>
/// What has to be taken back when the process ends without the owners of its files, sockets and children having their turn, because
/// something that the host does not answer holds them up.
/// </summary>
/// <remarks>Thread safe.</remarks>
public static class Leftovers
{
    private static readonly ConcurrentDictionary<object, Action> s_all = new(ReferenceEqualityComparer.Instance);

    /// <summary>Takes back everything that is registered.</summary>
    public static void TakeBack()
    {
        foreach (object owner in s_all.Keys)
        {
            if (s_all.TryRemove(owner, out Action? action))
            {
                action();
            }
        }
    }

    /// <summary>Registers what takes an owner's things back: it must not wait, and not throw.</summary>
    internal static void Add(object owner, Action action) => s_all[owner] = action;

    /// <summary>The owner does it by itself.</summary>
    internal static void Remove(object owner) => s_all.TryRemove(owner, out _);
}
