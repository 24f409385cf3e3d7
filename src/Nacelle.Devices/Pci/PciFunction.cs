using System.Buffers.Binary;
using Nacelle.Memory;

namespace Nacelle.Devices.Pci;

/// <summary>One PCI function: 256 bytes of configuration space, its BARs and its capabilities (PCI 3.0, chapter 6).</summary>
/// <remarks>
/// Guards its own registers with <see cref="Sync"/>; accesses come from any vCPU thread. What they change for the outside, the places
/// of BARs and the effects of the command register, belongs to the lock of the bus, which is never taken under that of a function.
/// </remarks>
public abstract class PciFunction
{
    private const int CommandRegister = 0x04;
    private const int StatusRegister = 0x06;
    private const int FirstBar = 0x10;
    private const int CapabilityPointer = 0x34;
    private const ushort MemoryDecoding = 2;
    private const ushort BusMaster = 4;
    private const ushort InterruptDisable = 0x400;
    private const byte InterruptStatus = 8;
    private readonly byte[] _registers = new byte[256];
    private readonly byte[] _writable = new byte[256];
    private readonly byte[] _initial = new byte[256];
    private readonly PciBar?[] _bars = new PciBar?[6];
    private PciBus? _bus;
    private int _nextCapability = 0x40;
    private int _lastCapability;

    /// <summary>Declares the fixed identification registers.</summary>
    protected PciFunction(string name, in PciIdentity identity)
    {
        Name = name;
        Declare16(0x00, identity.Vendor);
        Declare16(0x02, identity.Device);
        Declare16(CommandRegister, 0, 0x0406);
        Declare8(0x08, identity.Revision);
        Declare16(0x0A, identity.Class);
        Declare8(0x0E, identity.MultiFunction ? (byte)0x80 : (byte)0);
        Declare16(0x2C, identity.SubsystemVendor);
        Declare16(0x2E, identity.Subsystem);
        Declare8(0x3C, 0, 0xFF);
    }

    /// <summary>What people call it: in errors and logs.</summary>
    public string Name { get; }

    /// <summary>Guards configuration space.</summary>
    protected Lock Sync { get; } = new();

    /// <summary>The BARs that exist.</summary>
    internal IEnumerable<PciBar> Bars => _bars.OfType<PciBar>();

    /// <summary>Reads configuration space.</summary>
    /// <param name="offset">0 to 255.</param>
    /// <param name="size">1, 2 or 4; the access lies wholly inside.</param>
    public virtual uint ReadConfiguration(int offset, int size)
    {
        bool waits = offset <= StatusRegister && offset + size > StatusRegister && HasInterrupt;
        lock (Sync)
        {
            uint value = size switch
            {
                1 => _registers[offset],
                2 => BinaryPrimitives.ReadUInt16LittleEndian(_registers.AsSpan(offset)),
                _ => BinaryPrimitives.ReadUInt32LittleEndian(_registers.AsSpan(offset)),
            };
            return waits ? value | ((uint)InterruptStatus << (8 * (StatusRegister - offset))) : value;
        }
    }

    /// <summary>Writes the writable bits of configuration space; moves BARs that change.</summary>
    /// <param name="offset">0 to 255.</param>
    /// <param name="size">1, 2 or 4; the access lies wholly inside.</param>
    /// <param name="value">The value, in the low bytes.</param>
    public virtual void WriteConfiguration(int offset, int size, uint value)
    {
        lock (Sync)
        {
            for (int i = 0; i < size; i++)
            {
                int at = offset + i;
                byte part = (byte)(value >> (8 * i));
                _registers[at] = (byte)((_registers[at] & ~_writable[at]) | (part & _writable[at]));
            }
        }

        if (offset < FirstBar + 24 && offset + size > CommandRegister)
        {
            _bus?.Update();
        }
    }

    /// <summary>Takes the function back to its state after power-on.</summary>
    public virtual void Reset()
    {
        lock (Sync)
        {
            _initial.CopyTo(_registers, 0);
        }

        _bus?.Update();
    }

    /// <summary>Connects the function to a bus, in whose address space its BARs appear. Before the guest runs.</summary>
    internal void Connect(PciBus bus) => _bus = bus;

    /// <summary>Puts a BAR at an address, as firmware does.</summary>
    internal void AssignBar(PciBar bar, ulong address)
    {
        int register = FirstBar + (4 * bar.Index);
        WriteConfiguration(register, 4, (uint)address);
        if (bar.Is64Bit)
        {
            WriteConfiguration(register + 4, 4, (uint)(address >> 32));
        }
    }

    /// <summary>Lets the function answer at its BARs and master the bus, as firmware does.</summary>
    internal void EnableDecoding() => WriteConfiguration(CommandRegister, 2, 0x0006);

    /// <summary>Whether the function waits for its INTx to be handled, disabled or not: bit 3 of the status register.</summary>
    protected virtual bool HasInterrupt => false;

    /// <summary>Called under the bus's lock when either may have changed (PCI 3.0, table 6-1).</summary>
    /// <param name="mayMaster">Whether the function may access memory and send messages.</param>
    /// <param name="mayInterrupt">Whether it may assert its INTx pin.</param>
    protected virtual void OnCommand(bool mayMaster, bool mayInterrupt)
    {
    }

    /// <summary>Called under the bus's lock after a BAR was placed.</summary>
    protected virtual void OnBarMapped(int index, ulong address)
    {
    }

    /// <summary>Called under the bus's lock before a BAR leaves its place.</summary>
    protected virtual void OnBarUnmapped(int index, ulong address)
    {
    }

    /// <summary>Declares a byte and which of its bits the guest may write.</summary>
    protected void Declare8(int offset, byte value, byte writable = 0)
    {
        _registers[offset] = value;
        _initial[offset] = value;
        _writable[offset] = writable;
    }

    /// <summary>Declares two bytes.</summary>
    protected void Declare16(int offset, ushort value, ushort writable = 0)
    {
        Declare8(offset, (byte)value, (byte)writable);
        Declare8(offset + 1, (byte)(value >> 8), (byte)(writable >> 8));
    }

    /// <summary>Declares four bytes.</summary>
    protected void Declare32(int offset, uint value, uint writable = 0)
    {
        Declare16(offset, (ushort)value, (ushort)writable);
        Declare16(offset + 2, (ushort)(value >> 16), (ushort)(writable >> 16));
    }

    /// <summary>Declares a memory BAR.</summary>
    /// <param name="index">0 to 5; a 64-bit BAR takes the next one too.</param>
    /// <param name="size">A power of two of at least 4096, so that no two BARs share a page.</param>
    /// <param name="is64Bit">Whether it may lie above 4 GiB.</param>
    /// <param name="handler">What answers.</param>
    protected void DeclareBar(int index, ulong size, bool is64Bit, IAddressRangeHandler handler)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 4096UL);
        if (!ulong.IsPow2(size))
        {
            throw new ArgumentException($"a BAR of {size} bytes is not a power of two", nameof(size));
        }

        ulong mask = ~(size - 1);
        Declare32(FirstBar + (4 * index), is64Bit ? 4u : 0u, (uint)mask);
        if (is64Bit)
        {
            Declare32(FirstBar + (4 * index) + 4, 0, (uint)(mask >> 32));
        }

        _bars[index] = new PciBar(index, size, is64Bit, handler);
    }

    /// <summary>Adds a capability to the list (PCI 3.0, 6.7).</summary>
    /// <param name="id">Capability id.</param>
    /// <param name="body">What follows the id and the pointer to the next.</param>
    /// <param name="writable">Bits of <paramref name="body"/> that the guest may write; empty for none.</param>
    /// <returns>Offset of the capability's first byte.</returns>
    /// <exception cref="InvalidOperationException">Configuration space is full.</exception>
    protected int AddCapability(byte id, ReadOnlySpan<byte> body, ReadOnlySpan<byte> writable = default)
    {
        int offset = _nextCapability;
        int end = offset + 2 + body.Length;
        if (end > 256)
        {
            throw new InvalidOperationException($"{Name}: capability 0x{id:x2} does not fit in configuration space");
        }

        Declare8(offset, id);
        Declare8(offset + 1, 0);
        for (int i = 0; i < body.Length; i++)
        {
            Declare8(offset + 2 + i, body[i], i < writable.Length ? writable[i] : (byte)0);
        }

        Declare8(_lastCapability == 0 ? CapabilityPointer : _lastCapability + 1, (byte)offset);
        Declare16(StatusRegister, 0x0010);
        _lastCapability = offset;
        _nextCapability = (end + 3) & ~3;
        return offset;
    }

    /// <summary>Gives the command register its effect. Under the bus's lock.</summary>
    internal void ApplyCommand()
    {
        ushort command;
        lock (Sync)
        {
            command = BinaryPrimitives.ReadUInt16LittleEndian(_registers.AsSpan(CommandRegister));
        }

        OnCommand((command & BusMaster) != 0, (command & InterruptDisable) == 0);
    }

    /// <summary>Takes away the BARs that are not where the guest wants them. Under the bus's lock.</summary>
    internal void RemoveMovedBars(AddressSpace memory)
    {
        foreach (PciBar bar in Bars)
        {
            if (bar.MappedAt is ulong old && WantedPlace(bar) != old)
            {
                OnBarUnmapped(bar.Index, old);
                bar.MappedAt = null;
                memory.Unmap(old);
            }
        }
    }

    /// <summary>
    /// Places the BARs that have no place. A guest may put one over another device: the first one there keeps the addresses, and the
    /// other one gets them when it goes. Under the bus's lock.
    /// </summary>
    internal void PlaceBars(AddressSpace memory)
    {
        foreach (PciBar bar in Bars)
        {
            if (bar.MappedAt is null && WantedPlace(bar) is ulong place && memory.TryMap(place, bar.Size, Name, bar.Handler))
            {
                bar.MappedAt = place;
                OnBarMapped(bar.Index, place);
            }
        }
    }

    /// <summary>Where the guest wants a BAR; null while it does not decode addresses, or none that there are.</summary>
    private ulong? WantedPlace(PciBar bar)
    {
        lock (Sync)
        {
            int register = FirstBar + (4 * bar.Index);
            ulong address = BinaryPrimitives.ReadUInt32LittleEndian(_registers.AsSpan(register)) & ~0xFUL;
            if (bar.Is64Bit)
            {
                address |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(_registers.AsSpan(register + 4)) << 32;
            }

            return (_registers[CommandRegister] & MemoryDecoding) != 0 && address != 0 && address + bar.Size > address ? address : null;
        }
    }
}

/// <summary>The identification registers of a function.</summary>
/// <param name="Vendor">Vendor id.</param>
/// <param name="Device">Device id.</param>
/// <param name="Class">Base class and subclass.</param>
/// <param name="Revision">Revision id.</param>
/// <param name="SubsystemVendor">Subsystem vendor id.</param>
/// <param name="Subsystem">Subsystem id.</param>
/// <param name="MultiFunction">Whether the slot has more functions.</param>
public readonly record struct PciIdentity(
    ushort Vendor,
    ushort Device,
    ushort Class,
    byte Revision = 0,
    ushort SubsystemVendor = 0,
    ushort Subsystem = 0,
    bool MultiFunction = false);

/// <summary>A base address register and where it answers. Guarded by the bus's lock.</summary>
internal sealed class PciBar(int index, ulong size, bool is64Bit, IAddressRangeHandler handler)
{
    public int Index => index;

    public ulong Size => size;

    public bool Is64Bit => is64Bit;

    public IAddressRangeHandler Handler => handler;

    /// <summary>Null while the BAR does not answer.</summary>
    public ulong? MappedAt { get; set; }
}
