namespace Nacelle.Translation.Memory;

/// <summary>
/// Pages with translated code in them to which emitted code may be writing, to bytes that were no code when it asked. What it was
/// given is a host pointer, which a group of accesses keeps for the rest of its block: a claim lasts until emitted code has been
/// left or has come to a poll, however many others are made meanwhile. Changed by the vCPU's thread alone, read by all.
/// </summary>
internal sealed class WriteClaims
{
    private const ulong None = ulong.MaxValue;
    private const int Most = 16;
    private readonly ulong[] _pages = new ulong[Most];
    private int _count;

    public WriteClaims() => Array.Fill(_pages, None);

    /// <summary>Whether there are any. On the vCPU's thread.</summary>
    public bool Any => _count != 0;

    /// <summary>From any thread: whether a page is claimed.</summary>
    public bool Contains(ulong page)
    {
        foreach (ref ulong claimed in _pages.AsSpan())
        {
            if (Volatile.Read(ref claimed) == page)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Claims a page; whoever watches chunks of it from now on finds the claim, and what is watched by now is seen after it.</summary>
    /// <returns>False where there are too many.</returns>
    public bool TryAdd(ulong page)
    {
        if (!_pages.AsSpan(0, _count).Contains(page))
        {
            if (_count == Most)
            {
                return false;
            }

            Volatile.Write(ref _pages[_count++], page);
        }

        Interlocked.MemoryBarrier();
        return true;
    }

    /// <summary>Ends the claim to a page.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Remove(ulong page)
    {
        int at = _pages.AsSpan(0, _count).IndexOf(page);
        if (at < 0)
        {
            return false;
        }

        // The last takes its place before it leaves its own, so that whoever looks through them meets it.
        Volatile.Write(ref _pages[at], _pages[_count - 1]);
        Volatile.Write(ref _pages[--_count], None);
        return true;
    }

    /// <summary>Ends all claims.</summary>
    /// <param name="ended">Told of each page.</param>
    public void End(Action<ulong> ended)
    {
        while (_count != 0)
        {
            ulong page = _pages[_count - 1];
            Remove(page);
            ended(page);
        }
    }

    /// <summary>Ends all claims, of which nobody needs to be told.</summary>
    public void Clear()
    {
        while (_count != 0)
        {
            Volatile.Write(ref _pages[--_count], None);
        }
    }
}
