using Nacelle.Memory;

namespace Nacelle.Translation.Cache;

/// <summary>
/// Knows for each page of guest RAM which of its 64-byte chunks some vCPU has translated code from, and tells the vCPUs when
/// one of them is written. Shared by all vCPUs and devices; each page's word is changed by atomic operations only.
/// </summary>
internal sealed class CodeWatch : IGuestMemoryObserver
{
    private const int ChunkShift = 6;

    // So many changes within so many milliseconds and a page is one whose code keeps changing.
    private const int ManyChanges = 16;
    private const long Window = 1000;
    private const byte KeepsOn = 255;
    private readonly GuestMemory _ram;
    private readonly ulong[] _chunks;
    private readonly byte[] _changes;
    private long _windowEnd;
    private ICodeWatcher[] _watchers = [];

    public CodeWatch(GuestMemory ram)
    {
        _ram = ram;
        _chunks = new ulong[ram.Size / GuestMemory.PageSize];
        _changes = new byte[_chunks.Length];
        ram.AddObserver(this);
    }

    /// <summary>Adds a vCPU. Before any of them runs.</summary>
    public void Add(ICodeWatcher watcher) => _watchers = [.. _watchers, watcher];

    /// <summary>Whether code has been translated from this page.</summary>
    public bool IsWatched(ulong page) => TryIndex(page, out int index) && Volatile.Read(ref _chunks[index]) != 0;

    /// <summary>
    /// Whether the code of this page keeps changing: it is not watched any more, and blocks translated from it look for
    /// themselves whether they are still right.
    /// </summary>
    public bool KeepsChanging(ulong page) =>
        TryIndex(page, out int index) && Volatile.Read(ref _changes[index]) == KeepsOn;

    /// <summary>Whether code has been translated from the chunks of a range that lies in one page.</summary>
    public bool Overlaps(ulong address, int length) =>
        TryIndex(address, out int index) && (Volatile.Read(ref _chunks[index]) & Mask(address, length)) != 0;

    /// <summary>
    /// Watches chunks of a page before its bytes are read for translation. When the page was not watched so far, other
    /// vCPUs are told to stop writing to it unseen; what one of them wrote meanwhile is reported as a change.
    /// </summary>
    public void Watch(ulong address, ulong mask, ICodeWatcher self)
    {
        if (!TryIndex(address, out int index) || Volatile.Read(ref _changes[index]) == KeepsOn)
        {
            return;
        }

        if ((Volatile.Read(ref _chunks[index]) & mask) == mask)
        {
            return;
        }

        if (Interlocked.Or(ref _chunks[index], mask) != 0)
        {
            return;
        }

        ulong page = address & ~0xFFFUL;
        foreach (ICodeWatcher watcher in _watchers)
        {
            if (watcher == self)
            {
                watcher.ProtectNow(page);
            }
            else
            {
                watcher.RequestProtection(page);
            }
        }
    }

    /// <summary>A range in one page has been or is about to be written: blocks from its chunks are to be dropped.</summary>
    /// <returns>Whether there may have been any.</returns>
    public bool Changed(ulong address, int length)
    {
        if (!TryIndex(address, out int index))
        {
            return false;
        }

        ulong mask = Mask(address, length);
        ulong hit = Interlocked.And(ref _chunks[index], ~mask) & mask;
        if (hit == 0)
        {
            return false;
        }

        if (Count(index))
        {
            // Everything of it goes, and is translated anew in the other way.
            Interlocked.Exchange(ref _chunks[index], 0);
            hit = ulong.MaxValue;
        }

        foreach (ICodeWatcher watcher in _watchers)
        {
            watcher.RequestInvalidation(address & ~0xFFFUL, hit);
        }

        return true;
    }

    /// <summary>Counts a change of a page.</summary>
    /// <returns>Whether it has become one whose code keeps changing.</returns>
    private bool Count(int index)
    {
        long now = Environment.TickCount64;
        if (now >= Volatile.Read(ref _windowEnd))
        {
            // Counts are a hint: that two threads may race here does no harm. A page that keeps changing stays one.
            Volatile.Write(ref _windowEnd, now + Window);
            foreach (ref byte count in _changes.AsSpan())
            {
                if (count is not (0 or KeepsOn))
                {
                    count = 0;
                }
            }
        }

        if (_changes[index] == KeepsOn)
        {
            return false;
        }

        bool many = ++_changes[index] >= ManyChanges;
        if (many)
        {
            Volatile.Write(ref _changes[index], KeepsOn);
        }

        return many;
    }

    /// <inheritdoc/>
    public void Written(ulong guestPhysicalAddress, ulong length)
    {
        ulong address = guestPhysicalAddress;
        ulong left = length;
        while (left != 0)
        {
            int here = (int)Math.Min(left, 4096 - (address & 0xFFF));
            if (Overlaps(address, here))
            {
                Changed(address, here);
            }

            address += (ulong)here;
            left -= (ulong)here;
        }
    }

    /// <summary>The chunks of a range in one page.</summary>
    public static ulong Mask(ulong address, int length)
    {
        int first = (int)(address & 0xFFF) >> ChunkShift;
        int last = (int)((address & 0xFFF) + (ulong)length - 1) >> ChunkShift;
        return (ulong.MaxValue << first) & (ulong.MaxValue >> (63 - last));
    }

    private bool TryIndex(ulong address, out int index)
    {
        foreach (RamRange range in _ram.Ranges)
        {
            if (address - range.Start < range.Length)
            {
                index = (int)((address - range.Start + range.FileOffset) / GuestMemory.PageSize);
                return true;
            }
        }

        index = 0;
        return false;
    }
}

/// <summary>A vCPU as <see cref="CodeWatch"/> sees it.</summary>
internal interface ICodeWatcher
{
    /// <summary>On the vCPU's own thread: writes to this guest-physical page go the slow way from now on.</summary>
    void ProtectNow(ulong page);

    /// <summary>From any thread: the same, soon.</summary>
    void RequestProtection(ulong page);

    /// <summary>From any thread: blocks translated from these chunks of a page are to be dropped, soon.</summary>
    void RequestInvalidation(ulong page, ulong chunks);
}
