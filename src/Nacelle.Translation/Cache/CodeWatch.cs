using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Translation.Cache;

/// <summary>
/// Knows for each page of guest RAM which of its 64-byte chunks some vCPU has translated code from, and tells the vCPUs when
/// one of them is written. Shared by all vCPUs and devices; each page's word is changed by atomic operations only.
/// </summary>
internal sealed class CodeWatch : IGuestMemoryObserver, IDisposable
{
    private const int ChunkShift = 6;

    // So many changes within so many milliseconds and a page is one whose code keeps changing.
    private const int ManyChanges = 16;
    private const long Window = 1000;
    private const byte KeepsOn = 255;
    private const int TranslatedMeanwhile = 1 << 30;
    private const int LockCount = 64;
    private readonly GuestMemory _ram;
    private readonly HostArray<ulong> _chunks;
    private readonly HostArray<byte> _changes;

    // How many vCPUs may still write to a page unseen, and whether a block has been translated from it meanwhile.
    private readonly HostArray<int> _settling;

    // How many vCPUs have blocks of a page. Changed, and chunks let go for it, under the page's lock.
    private readonly HostArray<byte> _holders;
    private readonly Lock[] _locks = new Lock[LockCount];
    private long _windowEnd;
    private ICodeWatcher[] _watchers = [];

    public CodeWatch(GuestMemory ram)
    {
        _ram = ram;
        int pages = checked((int)(ram.Size / GuestMemory.PageSize));
        _chunks = new HostArray<ulong>(pages);
        _changes = new HostArray<byte>(pages);
        _settling = new HostArray<int>(pages);
        _holders = new HostArray<byte>(pages);
        for (int i = 0; i < LockCount; i++)
        {
            _locks[i] = new Lock();
        }

        ram.AddObserver(this);
    }

    /// <summary>Adds a vCPU. Before any of them runs.</summary>
    public void Add(ICodeWatcher watcher) => _watchers = [.. _watchers, watcher];

    /// <summary>Pages that a vCPU may write to unseen, none so far.</summary>
    public UnseenWrites CreateUnseenWrites() => new(_chunks.Length);

    /// <summary>
    /// Lets a vCPU write to a page unseen from now on, unless code has been translated from it. On the vCPU's thread.
    /// </summary>
    /// <param name="page">Guest-physical address of the page, or of something in it.</param>
    /// <param name="writes">The vCPU's pages.</param>
    /// <returns>Whether it may: the page is not watched.</returns>
    public bool TryWriteUnseen(ulong page, UnseenWrites writes)
    {
        if (!TryIndex(page, out int index))
        {
            return true;
        }

        bool isNew = !writes.Contains(index);
        if (isNew)
        {
            // Who watches the page next either finds it here or has been seen to watch it below.
            writes.Add(index);
            Interlocked.MemoryBarrier();
        }

        if (Volatile.Read(ref _chunks[index]) == 0)
        {
            return true;
        }

        if (isNew)
        {
            writes.Remove(index);
        }

        return false;
    }

    /// <summary>Ends what <see cref="TryWriteUnseen"/> has begun. On the vCPU's thread, at a poll.</summary>
    /// <param name="page">Guest-physical address of the page.</param>
    /// <param name="writes">The vCPU's pages.</param>
    /// <returns>Whether the page was among them: the soft TLB may hold it for writing.</returns>
    public bool EndUnseenWrites(ulong page, UnseenWrites writes)
    {
        if (!TryIndex(page, out int index) || !writes.Contains(index))
        {
            return false;
        }

        writes.Remove(index);
        return true;
    }

    /// <summary>
    /// Whether the code of this page keeps changing: it is not watched any more, and blocks translated from it look for
    /// themselves whether they are still right.
    /// </summary>
    public bool KeepsChanging(ulong page) =>
        TryIndex(page, out int index) && Volatile.Read(ref _changes[index]) == KeepsOn;

    /// <summary>
    /// Whether blocks translated from this page have to compare themselves with it: it keeps changing, or some vCPU has not yet
    /// stopped writing to it unseen. The latter's blocks are dropped when all have.
    /// </summary>
    public bool MustCompare(ulong page)
    {
        if (!TryIndex(page, out int index))
        {
            return false;
        }

        int settling = Volatile.Read(ref _settling[index]);
        while (settling != 0)
        {
            int seen = Interlocked.CompareExchange(ref _settling[index], settling | TranslatedMeanwhile, settling);
            if (seen == settling)
            {
                return true;
            }

            settling = seen;
        }

        return Volatile.Read(ref _changes[index]) == KeepsOn;
    }

    /// <summary>A vCPU that was counted writes to the page the slow way from now on.</summary>
    public void Settled(ulong page)
    {
        if (!TryIndex(page, out int index))
        {
            return;
        }

        int left = Interlocked.Decrement(ref _settling[index]);
        if (left == TranslatedMeanwhile && Interlocked.CompareExchange(ref _settling[index], 0, left) == left)
        {
            foreach (ICodeWatcher watcher in _watchers)
            {
                watcher.RequestInvalidation(page, ulong.MaxValue);
            }
        }
    }

    /// <summary>Whether code has been translated from the chunks of a range that lies in one page.</summary>
    public bool Overlaps(ulong address, int length) =>
        TryIndex(address, out int index) && (Volatile.Read(ref _chunks[index]) & Mask(address, length)) != 0;

    /// <summary>
    /// Watches chunks of a page before its bytes are read for translation. vCPUs that may be writing to it unseen are told to
    /// stop; what one of them wrote meanwhile is reported as a change. Until they have, <see cref="MustCompare"/> says so.
    /// </summary>
    /// <param name="page">Guest-physical address of the page.</param>
    /// <param name="mask">The chunks.</param>
    /// <param name="self">The vCPU that translates.</param>
    /// <param name="isNew">Whether it had no block of the page before; from now on it has, until <see cref="Release"/>.</param>
    public void Watch(ulong page, ulong mask, ICodeWatcher self, bool isNew)
    {
        if (!TryIndex(page, out int index))
        {
            return;
        }

        // Nobody lets chunks of a page go that another vCPU has blocks of.
        if (isNew)
        {
            lock (LockOf(index))
            {
                _holders[index]++;
                WatchHeld(page, index, mask, self);
            }
        }
        else
        {
            WatchHeld(page, index, mask, self);
        }
    }

    /// <summary>A vCPU has fewer blocks of a page than before. What only it has watched is let go.</summary>
    /// <param name="page">Guest-physical address of the page.</param>
    /// <param name="remaining">The chunks that it still needs; none when it has no blocks of the page any more.</param>
    public void Release(ulong page, ulong remaining)
    {
        if (!TryIndex(page, out int index))
        {
            return;
        }

        lock (LockOf(index))
        {
            bool alone = _holders[index] == 1;
            _holders[index] -= remaining == 0 ? (byte)1 : (byte)0;
            if (alone)
            {
                Interlocked.And(ref _chunks[index], remaining);
            }
        }
    }

    private static void Ask(ICodeWatcher watcher, ulong page, ref int settling)
    {
        if (watcher.IsParked)
        {
            // Where it still is parked afterwards it does what it is asked before it runs, and nobody needs to wait.
            watcher.RequestProtection(page, counted: false);
            Interlocked.MemoryBarrier();
            if (watcher.IsParked)
            {
                return;
            }
        }

        Interlocked.Increment(ref settling);
        watcher.RequestProtection(page, counted: true);
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

    private void WatchHeld(ulong page, int index, ulong mask, ICodeWatcher self)
    {
        if (Volatile.Read(ref _changes[index]) == KeepsOn || (Volatile.Read(ref _chunks[index]) & mask) == mask)
        {
            return;
        }

        bool isFirst = Interlocked.Or(ref _chunks[index], mask) == 0;
        foreach (ICodeWatcher watcher in _watchers)
        {
            if (watcher == self)
            {
                watcher.ProtectNow(page);
            }
            else if ((isFirst && watcher.UnseenWrites.Contains(index)) || watcher.MayBeWriting(page))
            {
                Ask(watcher, page, ref _settling[index]);
            }
        }
    }

    private Lock LockOf(int index) => _locks[index % LockCount];

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
        // What was written has to be visible before the chunks are looked at: who watches them next reads the new bytes.
        Interlocked.MemoryBarrier();
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

    /// <summary>When no vCPU and no device writes any more.</summary>
    public void Dispose()
    {
        _chunks.Dispose();
        _changes.Dispose();
        _settling.Dispose();
        _holders.Dispose();
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
