using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Platform;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Platform;

/// <summary>The test device and the firmware configuration, as kernels of kvm-unit-tests use them.</summary>
public sealed class TestDeviceTests : IDisposable
{
    private readonly GuestMemory _ram = new([(0, 0x10_0000)]);
    private readonly AddressSpace _memory = new("memory");
    private readonly AddressSpace _ports = new("port");
    private readonly Lever[] _lines = new Lever[TestDevice.Lines];

    public TestDeviceTests() => new TestDevice(_ram, number => _lines[number] = new Lever()).Map(_memory, _ports);

    public void Dispose() => _ram.Dispose();

    [Fact]
    public void The_register_takes_any_width()
    {
        _ports.Write(0xE0, 4, 0x1122_3344);
        Assert.Equal(0x44UL, _ports.Read(0xE0, 1));
        Assert.Equal(0x33UL, _ports.Read(0xE1, 1));
        Assert.Equal(0x1122UL, _ports.Read(0xE2, 2));
        _ports.Write(0xE1, 1, 0x66);
        Assert.Equal(0x1122_6644UL, _ports.Read(0xE0, 4));
    }

    [Fact]
    public void The_memory_keeps_what_is_written_up_to_its_last_byte()
    {
        ulong last = TestDevice.MemoryAddress + TestDevice.MemoryLength - 8;
        _memory.Write(last, 8, 0x1122_3344_5566_7788);
        Assert.Equal(0x1122_3344_5566_7788UL, _memory.Read(last, 8));
        Assert.Equal(0x11UL, _memory.Read(last + 7, 1));
        Assert.Equal(0UL, _memory.Read(TestDevice.MemoryAddress, 4));
    }

    [Fact]
    public void A_flushed_page_keeps_its_contents()
    {
        Assert.True(_ram.TryWrite(0x5008UL, 0xABCDUL));
        _ports.Write(0xE4, 4, 0x5123);
        Assert.True(_ram.TryRead(0x5008UL, out ulong value));
        Assert.Equal(0xABCDUL, value);

        // Not RAM: nothing happens.
        _ports.Write(0xE4, 4, 0xF000_0000);
    }

    [Fact]
    public void Each_port_moves_its_interrupt_line()
    {
        _ports.Write(0x2000 + 14, 1, 1);
        Assert.True(_lines[14].Level);
        Assert.False(_lines[13].Level);
        _ports.Write(0x2000 + 14, 1, 0);
        Assert.False(_lines[14].Level);
    }

    [Fact]
    public void The_firmware_configuration_describes_the_machine()
    {
        FirmwareConfiguration configuration = new(128UL << 20, 3);
        _ports.Map(FirmwareConfiguration.Port, FirmwareConfiguration.Length, "firmware configuration", configuration);
        Assert.Equal("QEMU"u8.ToArray(), Item(0, 4));
        Assert.Equal(128UL << 20, BitConverter.ToUInt64(Item(3, 8)));
        Assert.Equal([3, 0, 0], Item(5, 3));
        Assert.Equal([3, 0], Item(15, 2));
        Assert.Equal([0, 0], Item(0xFFFF, 2));
        configuration.Reset();
        Assert.Equal((byte)'Q', (byte)_ports.Read(0x511, 1));
    }

    private byte[] Item(ushort number, int length)
    {
        _ports.Write(0x510, 2, number);
        return [.. Enumerable.Range(0, length).Select(_ => (byte)_ports.Read(0x511, 1))];
    }

    private sealed class Lever : IInterruptLine
    {
        public bool Level { get; private set; }

        public void SetLevel(bool asserted) => Level = asserted;
    }
}
