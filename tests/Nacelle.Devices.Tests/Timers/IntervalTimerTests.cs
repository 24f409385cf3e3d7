using Nacelle.Devices.Tests.Interrupts;
using Nacelle.Devices.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Timers;

/// <summary>The 8254 against its data sheet (Intel 231164).</summary>
public sealed class IntervalTimerTests
{
    private const long Second = 1_000_000_000;
    private readonly HandClock _clock = new();
    private readonly RecordingLine _line = new();
    private readonly AddressSpace _ports = new("port");

    public IntervalTimerTests() => new IntervalTimer(_clock, _line).Map(_ports);

    [Theory]
    [InlineData(0x34, 11932, 100)]
    [InlineData(0x36, 1193, 1000)]
    [InlineData(0x34, 0, 18)]
    [InlineData(0x35, 0x9999, 119)]
    public void Rates_come_at_their_frequency(byte control, int count, int perSecond)
    {
        Program(control, count);
        _clock.MoveTo(Second);
        Assert.InRange(_line.Rises, perSecond - 1, perSecond + 1);
    }

    [Theory]
    [InlineData(0x34)]
    [InlineData(0x36)]
    [InlineData(0x3C)]
    [InlineData(0x3E)]
    public void No_rate_is_higher_than_the_floor(byte control)
    {
        Program(control, 1);
        Assert.InRange(_clock.MoveTo(Second), 1, 5000);
    }

    [Theory]
    [InlineData(0x30)]
    [InlineData(0x38)]
    public void One_shots_fire_once_and_when_the_count_is_written_again(byte control)
    {
        Program(control, 1000);
        _clock.MoveTo(800_000);
        Assert.Equal(0, _line.Rises);
        _clock.MoveTo(Second);
        Assert.Equal(1, _line.TakeRises());
        _ports.Write(0x40, 1, 0);
        _ports.Write(0x40, 1, 4);
        _clock.MoveTo(2 * Second);
        Assert.Equal(1, _line.TakeRises());
    }

    [Fact]
    public void A_count_can_be_latched_and_read_back_in_two_bytes()
    {
        Program(0x34, 0x8000);
        _clock.Now = 1_000_000;
        _ports.Write(0x43, 1, 0);
        _clock.Now = 5_000_000;
        int count = (int)_ports.Read(0x40, 1) | ((int)_ports.Read(0x40, 1) << 8);
        Assert.Equal(0x8000 - 1193, count);
    }

    [Fact]
    public void The_read_back_command_gives_status_before_count()
    {
        Program(0x36, 0x1000);
        _ports.Write(0x43, 1, 0xC2);
        Assert.Equal(0xB6UL, _ports.Read(0x40, 1));
        Assert.Equal(0x00UL, _ports.Read(0x40, 1));
        Assert.Equal(0x10UL, _ports.Read(0x40, 1));
    }

    [Fact]
    public void Channel_2_drives_the_speaker_port_while_its_gate_is_open()
    {
        _ports.Write(0x61, 1, 1);
        _ports.Write(0x43, 1, 0xB0);
        _ports.Write(0x42, 1, 0xA9);
        _ports.Write(0x42, 1, 0x04);
        Assert.Equal(1UL, _ports.Read(0x61, 1) & 0x21);
        _clock.Now = 1_001_000;
        Assert.Equal(0x21UL, _ports.Read(0x61, 1) & 0x21);
    }

    [Fact]
    public void A_rise_before_a_write_is_not_lost_to_it()
    {
        Program(0x34, 11932);
        _clock.Now = 10_500_000;
        _ports.Write(0x43, 1, 0);
        Assert.Equal(1, _line.Rises);
    }

    [Fact]
    public void Years_that_jump_by_are_one_rise()
    {
        Program(0x34, 2);
        _clock.Now = 200L * 365 * 86_400 * Second;
        _clock.FireAll();
        Assert.Equal(1, _line.TakeRises());
        _clock.FireAll();
        Assert.Equal(0, _line.TakeRises());
    }

    private void Program(byte control, int count)
    {
        _ports.Write(0x43, 1, control);
        _ports.Write(0x40, 1, (byte)count);
        _ports.Write(0x40, 1, (byte)(count >> 8));
    }
}
