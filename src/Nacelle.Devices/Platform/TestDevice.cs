using System.Buffers.Binary;
using Nacelle.Devices.Interrupts;
using Nacelle.Memory;

namespace Nacelle.Devices.Platform;

/// <summary>
/// The test device of the public suite kvm-unit-tests (its name on QEMU's command line is pc-testdev): plain registers in
/// port and memory space to aim instructions at, a way to drop the host's mapping of a guest page, and levers for the
/// interrupt lines.
/// </summary>
/// <remarks>Registers are written and read byte by byte without a lock, as RAM would be; test kernels order themselves.</remarks>
public sealed class TestDevice
{
    /// <summary>A 32-bit register in port space that any width may address.</summary>
    public const ushort RegisterPort = 0xE0;

    /// <summary>Takes the guest-physical address of a page whose host mapping is dropped; the contents stay.</summary>
    public const ushort FlushPort = 0xE4;

    /// <summary>First of one port for each interrupt line: a write sets the line's level.</summary>
    public const ushort LinePort = 0x2000;

    /// <summary>Number of interrupt lines.</summary>
    public const ushort Lines = 24;

    /// <summary>Guest-physical address of <see cref="MemoryLength"/> bytes that behave as RAM but are reached as a device.</summary>
    public const ulong MemoryAddress = 0xFF00_0000;

    /// <summary>Bytes at <see cref="MemoryAddress"/>.</summary>
    public const ulong MemoryLength = 0x1_0000;

    private readonly GuestMemory _ram;
    private readonly IInterruptLine[] _lines;

    /// <summary>Connects the device.</summary>
    /// <param name="ram">Whose mappings can be dropped.</param>
    /// <param name="line">Makes a wire to a global system interrupt, 0 to 23.</param>
    public TestDevice(GuestMemory ram, Func<int, IInterruptLine> line)
    {
        ArgumentNullException.ThrowIfNull(ram);
        ArgumentNullException.ThrowIfNull(line);
        _ram = ram;
        _lines = [.. Enumerable.Range(0, Lines).Select(line)];
    }

    /// <summary>Places the registers.</summary>
    public void Map(AddressSpace memory, AddressSpace ports)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(ports);
        ports.Map(RegisterPort, sizeof(uint), "test register", new Bytes(sizeof(uint)));
        ports.Map(FlushPort, sizeof(uint), "test page flush", new PageFlush(_ram));
        ports.Map(LinePort, Lines, "test interrupt lines", new Levers(_lines));
        memory.Map(MemoryAddress, MemoryLength, "test memory", new Bytes((int)MemoryLength));
    }

    /// <summary>Registers that keep what is written.</summary>
    private sealed class Bytes(int length) : IAddressRangeHandler
    {
        // Room for an access of 8 bytes at the last one.
        private readonly byte[] _bytes = new byte[length + sizeof(ulong)];

        public ulong Read(ulong offset, int size) =>
            BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan((int)offset)) & (ulong.MaxValue >> (64 - (size * 8)));

        public void Write(ulong offset, int size, ulong value)
        {
            Span<byte> bytes = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            bytes[..size].CopyTo(_bytes.AsSpan((int)offset));
        }
    }

    private sealed class PageFlush(GuestMemory ram) : IAddressRangeHandler
    {
        public ulong Read(ulong offset, int size) => 0;

        public void Write(ulong offset, int size, ulong value) => ram.DropHostMapping(value & ~(GuestMemory.PageSize - 1));
    }

    private sealed class Levers(IInterruptLine[] lines) : IAddressRangeHandler
    {
        public ulong Read(ulong offset, int size) => 0;

        public void Write(ulong offset, int size, ulong value) => lines[offset].SetLevel((value & 1) != 0);
    }
}
