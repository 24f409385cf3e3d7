using Nacelle.Memory;

namespace Nacelle.Devices.Pci;

/// <summary>The root bus: functions by slot, and where their BARs appear.</summary>
/// <remarks>
/// Functions are added before the guest runs; look-ups are then lock-free from any thread. A lock of the bus's own guards where BARs
/// are, as they may be moved by several vCPUs at once and make room for one another.
/// </remarks>
public sealed class PciBus
{
    private readonly PciFunction?[] _functions = new PciFunction?[256];
    private readonly Lock _placing = new();
    private readonly AddressSpace _memory;
    private bool _updating;

    /// <summary>Makes an empty bus.</summary>
    /// <param name="memory">The machine's memory-mapped address space.</param>
    public PciBus(AddressSpace memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _memory = memory;

        // Where something else makes room, a BAR may have waited for it.
        memory.Unmapped += Update;
    }

    /// <summary>Puts a function into a slot.</summary>
    /// <param name="function">The function.</param>
    /// <param name="slot">0 to 31.</param>
    /// <param name="number">Function number, 0 to 7.</param>
    /// <exception cref="InvalidOperationException">The slot is taken; the message names by what.</exception>
    public void Add(PciFunction function, int slot, int number = 0)
    {
        ArgumentNullException.ThrowIfNull(function);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)slot, 31u, nameof(slot));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)number, 7u, nameof(number));
        ref PciFunction? place = ref _functions[(slot * 8) + number];
        if (place is not null)
        {
            throw new InvalidOperationException(
                $"{function.Name} cannot have PCI slot 00:{slot:x2}.{number}: {place.Name} has it; {DescribeFreeSlot()}");
        }

        place = function;
        function.Connect(this);
        Update();
    }

    /// <summary>Puts a function into the first free slot from 1 on.</summary>
    /// <returns>The slot.</returns>
    /// <exception cref="InvalidOperationException">All slots are taken.</exception>
    public int AddToFreeSlot(PciFunction function)
    {
        ArgumentNullException.ThrowIfNull(function);
        int slot = FindFreeSlot();
        if (slot < 0)
        {
            throw new InvalidOperationException(
                $"{function.Name} has no PCI slot: all 31 are taken; remove a device");
        }

        Add(function, slot);
        return slot;
    }

    /// <summary>Places all BARs one after the other and enables decoding, as firmware does before it boots a system.</summary>
    /// <param name="start">First address of the window.</param>
    /// <param name="end">First address after the window.</param>
    /// <exception cref="InvalidOperationException">The window is too small.</exception>
    public void AssignBars(ulong start, ulong end)
    {
        ulong next = start;
        foreach (PciFunction function in _functions.OfType<PciFunction>())
        {
            bool any = false;
            foreach (PciBar bar in function.Bars)
            {
                ulong address = (next + bar.Size - 1) & ~(bar.Size - 1);
                if (address < next || end < bar.Size || address > end - bar.Size)
                {
                    throw new InvalidOperationException(
                        $"{function.Name} needs 0x{bar.Size:x} bytes of addresses: the window 0x{start:x}..0x{end - 1:x} is full; remove a device");
                }

                function.AssignBar(bar, address);
                next = address + bar.Size;
                any = true;
            }

            if (any)
            {
                function.EnableDecoding();
            }
        }
    }

    /// <summary>Resets all functions; BARs leave their places.</summary>
    public void Reset()
    {
        foreach (PciFunction function in _functions.OfType<PciFunction>())
        {
            function.Reset();
        }
    }

    /// <summary>Gives the registers of all functions their effect: BARs where the guest wants them, and the command register.</summary>
    internal void Update()
    {
        lock (_placing)
        {
            // The bus itself makes room here.
            if (_updating)
            {
                return;
            }

            _updating = true;
            foreach (PciFunction? function in _functions)
            {
                function?.ApplyCommand();
                function?.RemoveMovedBars(_memory);
            }

            foreach (PciFunction? function in _functions)
            {
                function?.PlaceBars(_memory);
            }

            _updating = false;
        }
    }

    /// <summary>Reads configuration space; an empty slot answers with all ones.</summary>
    /// <param name="address">As in ECAM: bus, device, function in bits 27:12, register in 11:0.</param>
    /// <param name="size">1, 2 or 4.</param>
    internal uint ReadConfiguration(uint address, int size)
    {
        if (Find(address) is not { } function)
        {
            return uint.MaxValue >> (32 - (8 * size));
        }

        int register = (int)(address & 0xFFF);

        // No function here has extended capabilities: that space reads as zero.
        return register + size <= 256 ? function.ReadConfiguration(register, size) : 0;
    }

    internal void WriteConfiguration(uint address, int size, uint value)
    {
        int register = (int)(address & 0xFFF);
        if (register + size <= 256)
        {
            Find(address)?.WriteConfiguration(register, size, value);
        }
    }

    private PciFunction? Find(uint address) => address >> 20 == 0 ? _functions[(address >> 12) & 0xFF] : null;

    /// <summary>The first slot from 1 on without a function.</summary>
    /// <returns>The slot; -1 when all are taken.</returns>
    public int FindFreeSlot()
    {
        for (int slot = 1; slot < 32; slot++)
        {
            if (_functions.AsSpan(slot * 8, 8).IndexOfAnyExcept((PciFunction?)null) < 0)
            {
                return slot;
            }
        }

        return -1;
    }

    private string DescribeFreeSlot() =>
        FindFreeSlot() is int slot and >= 0 ? $"00:{slot:x2}.0 is free" : "no slot is free";
}
