using System.Runtime.InteropServices;

namespace Nacelle.Translation.Cache;

/// <summary>A direct branch out of a block.</summary>
/// <param name="Displacement">Position of the jump's displacement in the code memory.</param>
/// <param name="Stub">Host address to which it goes while not linked.</param>
/// <param name="TargetRip">Guest address of the branch's target.</param>
/// <param name="IsStateLive">Whether the guest's vector state is in the host's registers when it is taken.</param>
/// <param name="IsUngrouped">Whether the target's accesses are to be made one by one.</param>
/// <param name="IsRelative">Whether the block runs at whatever linear address its page is mapped, and the target's address counts within it.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Link(int Displacement, ulong Stub, ulong TargetRip, bool IsStateLive, bool IsUngrouped, bool IsRelative);

/// <summary>
/// The direct branches out of a vCPU's blocks by number, and which of them jump straight to which block. Numbers are used again
/// when their block is dropped, so that the table grows with what is in the code memory and not with time. Owned by the vCPU's
/// thread.
/// </summary>
internal sealed class LinkTable
{
    /// <summary>No link: the end of a chain.</summary>
    public const int None = -1;

    private const int SmallestSize = 256;
    private Entry[] _entries = new Entry[SmallestSize];
    private int _used;
    private int _free = None;
    private int _added = None;

    /// <summary>Links of blocks that are there.</summary>
    public int Count { get; private set; }

    /// <summary>Numbers that have ever been in use.</summary>
    public int Capacity => _used;

    /// <summary>Looks one up.</summary>
    public Link this[int number] => _entries[number].Link;

    /// <summary>Adds one of the block under translation.</summary>
    /// <returns>Its number.</returns>
    public int Add(Link link)
    {
        int number = _free;
        if (number != None)
        {
            _free = _entries[number].NextOutgoing;
        }
        else
        {
            number = _used++;
            if (number == _entries.Length)
            {
                Array.Resize(ref _entries, _entries.Length * 2);
            }
        }

        _entries[number] = new Entry { Link = link, NextOutgoing = _added, Next = None, Previous = None };
        _added = number;
        Count++;
        return number;
    }

    /// <summary>Makes what has been added since the last call the chain of a block's branches.</summary>
    public void GiveTo(Block block)
    {
        block.FirstOutgoing = _added;
        _added = None;
    }

    /// <summary>Notes that a branch jumps straight to a block.</summary>
    public void Connect(int number, Block target)
    {
        Disconnect(number);
        ref Entry entry = ref _entries[number];
        entry.Target = target;
        entry.Next = target.FirstIncoming;
        if (entry.Next != None)
        {
            _entries[entry.Next].Previous = number;
        }

        target.FirstIncoming = number;
    }

    /// <summary>Takes a branch from those that jump straight to a block.</summary>
    public void Disconnect(int number)
    {
        ref Entry entry = ref _entries[number];
        if (entry.Target is null)
        {
            return;
        }

        if (entry.Previous == None)
        {
            entry.Target.FirstIncoming = entry.Next;
        }
        else
        {
            _entries[entry.Previous].Next = entry.Next;
        }

        if (entry.Next != None)
        {
            _entries[entry.Next].Previous = entry.Previous;
        }

        entry.Target = null;
        entry.Next = None;
        entry.Previous = None;
    }

    /// <summary>Forgets the branches of a block that is dropped.</summary>
    public void Release(Block block)
    {
        int number = block.FirstOutgoing;
        block.FirstOutgoing = None;
        while (number != None)
        {
            Disconnect(number);
            int next = _entries[number].NextOutgoing;
            _entries[number].NextOutgoing = _free;
            _free = number;
            Count--;
            number = next;
        }
    }

    /// <summary>Forgets all, when the code they are in is discarded.</summary>
    public void Clear()
    {
        _entries = new Entry[SmallestSize];
        _used = 0;
        _free = None;
        _added = None;
        Count = 0;
    }

    [StructLayout(LayoutKind.Auto)]
    private struct Entry
    {
        public Link Link;

        // The block that it jumps straight to, and its neighbours among those that do.
        public Block? Target;
        public int Next;
        public int Previous;

        // The next branch of the same block, or the next free number.
        public int NextOutgoing;
    }
}
