using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Tests.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Interrupts;

/// <summary>The local APIC against SDM volume 3, chapter 11.</summary>
public sealed class LocalApicTests
{
    private const uint Enable = 0x1FF;
    private const ulong Base = 0xFEE0_0900;
    private readonly AddressSpace _memory = new("memory");
    private readonly ApicBus _bus = new();
    private readonly HandClock _clock = new();
    private readonly Processor _processor = new();
    private readonly LocalApic _first;
    private readonly LocalApic _second;

    public LocalApicTests()
    {
        _first = new LocalApic(0, true, _bus, _clock, 1_000_000_000);
        _second = new LocalApic(1, false, _bus, _clock, 1_000_000_000);
        _bus.Map(_memory);
        _first.Attach(_processor);
        _second.Attach(new Processor());
        CurrentProcessor.Index = 0;
        Write(0xF0, Enable);
    }

    [Fact]
    public void The_trigger_mode_stays_until_the_vector_is_accepted_again()
    {
        _bus.Deliver(new InterruptMessage(0, false, DeliveryMode.Fixed, 0x79, IsLevelTriggered: true));
        Assert.Equal(0x79, _first.Acknowledge());
        Write(0xB0, 0);
        Assert.NotEqual(0u, Read(0x1B0) & (1u << 0x19));
        _bus.Deliver(new InterruptMessage(0, false, DeliveryMode.Fixed, 0x79, IsLevelTriggered: false));
        Assert.Equal(0u, Read(0x1B0) & (1u << 0x19));
    }

    [Theory]
    [InlineData(Base, Base | 0x400, true)]
    [InlineData(Base, Base & ~0x800UL, true)]
    [InlineData(Base, (Base & ~0x800UL) | 0x400, false)]
    [InlineData(Base | 0x400, Base, false)]
    [InlineData(Base | 0x400, Base & ~0x800UL, true)]
    [InlineData(Base & ~0x800UL, Base | 0x400, false)]
    [InlineData(Base & ~0x800UL, Base, true)]
    [InlineData(Base, Base | 1, false)]
    [InlineData(Base, Base | (1UL << 40), false)]
    public void Modes_change_along_the_arrows_of_the_figure(ulong from, ulong to, bool allowed)
    {
        _first.PhysicalAddressBits = 40;
        Assert.True(_first.TryWriteModelSpecificRegister(0x1B, from));
        Assert.Equal(allowed, _first.TryWriteModelSpecificRegister(0x1B, to));
        Assert.True(_first.TryReadModelSpecificRegister(0x1B, out ulong value));
        Assert.Equal(allowed ? to : from, value);
    }

    [Fact]
    public void A_processor_without_x2APIC_refuses_it()
    {
        _first.OffersX2Apic = false;
        Assert.False(_first.TryWriteModelSpecificRegister(0x1B, Base | 0x400));
    }

    [Fact]
    public void The_registers_move_with_the_base_of_each_vCPU()
    {
        const ulong elsewhere = 0xFED4_0000;
        uint version = Read(0x30);
        Assert.True(_first.TryWriteModelSpecificRegister(0x1B, elsewhere | 0x900));
        Assert.Equal(version, (uint)_memory.Read(elsewhere + 0x30, 4));
        Assert.Equal(uint.MaxValue, Read(0x30));

        // The next move takes the window away that nobody uses any more.
        Assert.True(_first.TryWriteModelSpecificRegister(0x1B, 0xFED5_0900));
        Assert.Equal([0xFED5_0000UL, 0xFEE0_0000], _memory.Ranges.Select(range => range.Start));
        Assert.True(_first.TryWriteModelSpecificRegister(0x1B, Base));
        Assert.Equal(version, Read(0x30));
    }

    [Fact]
    public void A_window_over_another_device_is_refused()
    {
        _memory.Map(0xFEC0_0000, 0x1000, "IOAPIC", new IoApic(_bus));
        Assert.False(_first.TryWriteModelSpecificRegister(0x1B, 0xFEC0_0900));
    }

    [Fact]
    public void Two_non_maskable_interrupts_are_kept_and_one_while_another_is_handled()
    {
        NonMaskable(3);
        Assert.True(_first.TakeNonMaskable());
        NonMaskable(3);
        Assert.True(_first.TakeNonMaskable());
        Assert.False(_first.TakeNonMaskable());
        _first.EndNonMaskable();
        NonMaskable(2);
        Assert.True(_first.TakeNonMaskable());
        Assert.True(_first.TakeNonMaskable());
        Assert.False(_first.TakeNonMaskable());
    }

    [Fact]
    public void An_id_that_software_wrote_is_the_destination_until_x2APIC_mode()
    {
        Write(0x20, 5u << 24);
        _bus.Deliver(new InterruptMessage(5, false, DeliveryMode.Fixed, 0x50, false));
        Assert.Equal(0x50, _first.Acknowledge());
        Write(0xB0, 0);
        Assert.True(_first.TryWriteModelSpecificRegister(0x1B, Base | 0x400));
        Assert.True(_first.TryReadModelSpecificRegister(0x802, out ulong id));
        Assert.Equal(0UL, id);
    }

    [Fact]
    public void A_self_interrupt_has_a_vector_of_eight_bits()
    {
        Assert.True(_first.TryWriteModelSpecificRegister(0x1B, Base | 0x400));
        Assert.False(_first.TryWriteModelSpecificRegister(0x83F, 0x100));
        Assert.True(_first.TryWriteModelSpecificRegister(0x83F, 0x61));
        Assert.Equal(0x61, _first.Acknowledge());
    }

    [Fact]
    public void A_paravirtual_interrupt_finds_the_id_whatever_the_mode()
    {
        Assert.True(_first.TrySend(0, 0x62));
        Assert.Equal(0x62, _first.Acknowledge());
        Assert.False(_first.TrySend(7, 0x62));
    }

    [Fact]
    public void A_timer_that_counted_down_once_does_not_begin_again_with_its_mode()
    {
        Write(0x3E0, 0xB);
        Write(0x320, 0x40);
        Write(0x380, 1000);
        _clock.Now = 400;
        Assert.Equal(600u, Read(0x390));

        // Past its end, and before the timer service has said so.
        _clock.Now = 1500;
        Write(0x320, 0x2_0040);
        Assert.Equal(0u, Read(0x390));
        Assert.Equal(0x40, _first.Acknowledge());
        _clock.Now = 5000;
        _clock.FireAll();
        Assert.Equal(0u, Read(0x390));
        Assert.Equal(-1, _first.Acknowledge());
    }

    [Fact]
    public void A_deadline_that_is_past_fires_with_the_write()
    {
        Write(0x320, 0x4_0041);
        _processor.Timestamp = 1000;
        Assert.True(_first.TryWriteModelSpecificRegister(0x6E0, 1000));
        Assert.Equal(0x41, _first.Acknowledge());
        Assert.True(_first.TryReadModelSpecificRegister(0x6E0, out ulong deadline));
        Assert.Equal(0UL, deadline);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(1000)]
    public void A_period_has_a_floor_and_jumps_are_one_interrupt(uint count)
    {
        Write(0x3E0, 0xB);
        Write(0x320, 0x2_0040);
        Write(0x380, count);
        Assert.InRange(_clock.MoveTo(1_000_000_000), 4_900, 5_000);
        _clock.Now += 100L * 365 * 86_400 * 1_000_000_000;
        _clock.FireAll();
        Assert.Equal(0x40, _first.Acknowledge());
        Write(0xB0, 0);
        _clock.FireAll();
        Assert.Equal(-1, _first.Acknowledge());
        Assert.InRange(Read(0x390), 1u, count);
    }

    [Fact]
    public void A_new_divisor_holds_for_what_is_left_to_count()
    {
        Write(0x3E0, 0xB);
        Write(0x320, 0x40);
        Write(0x380, 1000);
        _clock.MoveTo(400);
        Write(0x3E0, 0);
        Assert.Equal(600u, Read(0x390));
        _clock.MoveTo(400 + 1199);
        Assert.Equal(-1, _first.Acknowledge());
        _clock.MoveTo(400 + 1200);
        Assert.Equal(0x40, _first.Acknowledge());
    }

    [Fact]
    public void A_deadline_beyond_all_time_never_comes_and_does_not_come_early()
    {
        Write(0x320, 0x4_0041);
        Assert.True(_first.TryWriteModelSpecificRegister(0x6E0, ulong.MaxValue));
        _clock.MoveTo(long.MaxValue / 2);
        Assert.Equal(-1, _first.Acknowledge());
    }

    [Fact]
    public void A_count_that_is_over_before_the_next_is_written_is_not_lost()
    {
        Write(0x3E0, 0xB);
        Write(0x320, 0x40);
        Write(0x380, 1000);
        _clock.Now = 1500;
        Write(0x380, 100_000);
        Assert.Equal(0x40, _first.Acknowledge());
    }

    [Fact]
    public void An_illegal_vector_interrupts_its_receiver_at_once()
    {
        Write(0x370, 0x60);
        int before = _processor.Notifications;
        _bus.Deliver(new InterruptMessage(0, false, DeliveryMode.Fixed, 5, false));
        Assert.True(_processor.Notifications > before, "the vCPU was not told, and would sleep on");
        Assert.Equal(0x60, _first.Acknowledge());
        Write(0x280, 0);
        Assert.Equal(0x40u, Read(0x280));
    }

    [Fact]
    public void An_illegal_vector_interrupts_its_sender_too()
    {
        Write(0x370, 0x60);
        int before = _processor.Notifications;
        Write(0x310, 1u << 24);
        Write(0x300, 0x4005);
        Assert.True(_processor.Notifications > before, "the vCPU was not told, and would sleep on");
        Assert.Equal(0x60, _first.Acknowledge());
        Write(0x280, 0);
        Assert.Equal(0x20u, Read(0x280));
        Write(0x280, 0);
        Assert.Equal(0u, Read(0x280));
    }

    [Fact]
    public void A_local_entry_with_an_illegal_vector_is_an_error()
    {
        Write(0x370, 0x60);
        Write(0x3E0, 0xB);
        Write(0x320, 0x5);
        Write(0x380, 10);
        _clock.MoveTo(100);
        Assert.Equal(0x60, _first.Acknowledge());
    }

    private void NonMaskable(int times)
    {
        for (int i = 0; i < times; i++)
        {
            _bus.Deliver(new InterruptMessage(0, false, DeliveryMode.NonMaskable, 0, false));
        }
    }

    private uint Read(ulong register) => (uint)_memory.Read(0xFEE0_0000 + register, 4);

    private void Write(ulong register, uint value) => _memory.Write(0xFEE0_0000 + register, 4, value);

    private sealed class Processor : ILocalApicProcessor
    {
        public ulong Timestamp { get; set; }

        public int Notifications { get; private set; }

        public void NotifyInterrupt() => Notifications++;

        public void SignalInit()
        {
        }

        public void SignalStartup(byte vector)
        {
        }

        public ulong ReadTimestamp() => Timestamp;
    }
}
