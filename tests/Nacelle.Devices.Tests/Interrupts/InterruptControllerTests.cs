using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Tests.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Interrupts;

/// <summary>The 8259 pair (Intel 231468) and the IOAPIC (82093AA), as the bootstrap processor sees them.</summary>
public sealed class InterruptControllerTests
{
    private readonly AddressSpace _memory = new("memory");
    private readonly AddressSpace _ports = new("port");
    private readonly LocalApic _local;
    private readonly IoApic _ioApic;
    private readonly InterruptControllerPair _pair;

    public InterruptControllerTests()
    {
        ApicBus bus = new();
        _ioApic = new IoApic(bus);
        _pair = new InterruptControllerPair(bus);
        _local = new LocalApic(0, true, bus, new HandClock(), 1_000_000_000);
        bus.Map(_memory);
        _memory.Map(IoApic.Address, IoApic.Length, "IOAPIC", _ioApic);
        _pair.Map(_ports);
        CurrentProcessor.Index = 0;
        _memory.Write(0xFEE0_00F0, 4, 0x1FF);
        foreach ((ulong port, byte vector, byte wiring) in new[] { (0x20UL, (byte)0x20, (byte)4), (0xA0UL, (byte)0x28, (byte)2) })
        {
            _ports.Write(port, 1, 0x11);
            _ports.Write(port + 1, 1, vector);
            _ports.Write(port + 1, 1, wiring);
            _ports.Write(port + 1, 1, 1);
            _ports.Write(port + 1, 1, 0);
        }
    }

    [Fact]
    public void Priorities_hold_back_lower_inputs_until_the_end_of_interrupt()
    {
        _pair.SetLevel(5, true);
        _pair.SetLevel(3, true);
        Assert.Equal(0x23, _local.Acknowledge());
        Assert.Equal(-1, _local.Acknowledge());
        _pair.SetLevel(1, true);
        Assert.Equal(0x21, _local.Acknowledge());
        _ports.Write(0x20, 1, 0x20);
        _ports.Write(0x20, 1, 0x20);
        Assert.Equal(0x25, _local.Acknowledge());
    }

    [Fact]
    public void The_slave_comes_through_input_2()
    {
        _pair.SetLevel(12, true);
        Assert.Equal(0x2C, _local.Acknowledge());
        _ports.Write(0xA0, 1, 0x0B);
        Assert.Equal(0x10UL, _ports.Read(0xA0, 1));
        _ports.Write(0x20, 1, 0x0B);
        Assert.Equal(0x04UL, _ports.Read(0x20, 1));
    }

    [Fact]
    public void An_edge_is_taken_once_and_a_level_again()
    {
        _ports.Write(0x4D0, 1, 0x20);
        _pair.SetLevel(4, true);
        Assert.Equal(0x24, _local.Acknowledge());
        _ports.Write(0x20, 1, 0x20);
        Assert.Equal(-1, _local.Acknowledge());
        _pair.SetLevel(5, true);
        Assert.Equal(0x25, _local.Acknowledge());
        _ports.Write(0x20, 1, 0x20);
        Assert.Equal(0x25, _local.Acknowledge());
        _pair.SetLevel(5, false);
        _ports.Write(0x20, 1, 0x20);
        Assert.Equal(-1, _local.Acknowledge());
    }

    [Fact]
    public void Masks_rotation_and_polls_go_by_the_data_sheet()
    {
        _ports.Write(0x21, 1, 0x08);
        _pair.SetLevel(3, true);
        Assert.Equal(-1, _local.Acknowledge());
        Assert.Equal(8UL, _ports.Read(0x20, 1));
        _ports.Write(0x21, 1, 0);

        // Input 3 has the lowest priority now.
        _ports.Write(0x20, 1, 0xC3);
        _pair.SetLevel(4, true);
        Assert.Equal(0x24, _local.Acknowledge());
        _ports.Write(0x20, 1, 0x20);
        _ports.Write(0x20, 1, 0x0C);
        Assert.Equal(0x83UL, _ports.Read(0x20, 1));
    }

    [Fact]
    public void Inputs_that_are_always_edges_stay_so()
    {
        _ports.Write(0x4D0, 2, 0xFFFF);
        Assert.Equal(0xDEF8UL, _ports.Read(0x4D0, 2));
    }

    [Fact]
    public void A_level_on_a_pin_is_sent_again_after_its_end_while_it_stays()
    {
        Redirect(20, 0x8050);
        _ioApic.SetLevel(20, true);
        Assert.Equal(0x50, _local.Acknowledge());
        Assert.Equal(-1, _local.Acknowledge());
        Assert.Equal(0xC050u, Select(0x10 + (2 * 20)));
        _memory.Write(0xFEE0_00B0, 4, 0);
        Assert.Equal(0x50, _local.Acknowledge());
        _ioApic.SetLevel(20, false);
        _memory.Write(0xFEE0_00B0, 4, 0);
        Assert.Equal(-1, _local.Acknowledge());
        Assert.Equal(0x8050u, Select(0x10 + (2 * 20)));
    }

    [Fact]
    public void A_level_that_was_masked_is_sent_when_it_is_unmasked_and_an_edge_is_not()
    {
        Redirect(20, 0x1_8050);
        Redirect(21, 0x1_0051);
        _ioApic.SetLevel(20, true);
        _ioApic.SetLevel(21, true);
        Assert.Equal(-1, _local.Acknowledge());
        Redirect(21, 0x51);
        Redirect(20, 0x8050);
        Assert.Equal(0x50, _local.Acknowledge());
        Assert.Equal(-1, _local.Acknowledge());
    }

    [Fact]
    public void Registers_beyond_the_last_pin_are_not_there()
    {
        Assert.Equal(0x17_0020u, Select(1));
        for (uint register = 0x40; register < 0x100; register += 7)
        {
            _memory.Write(IoApic.Address, 4, register);
            _memory.Write(IoApic.Address + 0x10, 4, uint.MaxValue);
            Assert.Equal(0u, Select(register));
        }

        Redirect(0, 0xFFFF_FFFF);
        Assert.Equal(0x1_AFFFu, Select(0x10));
    }

    private void Redirect(uint pin, uint entry)
    {
        _memory.Write(IoApic.Address, 4, 0x10 + (2 * pin));
        _memory.Write(IoApic.Address + 0x10, 4, entry);
    }

    private uint Select(uint register)
    {
        _memory.Write(IoApic.Address, 4, register);
        return (uint)_memory.Read(IoApic.Address + 0x10, 4);
    }
}
