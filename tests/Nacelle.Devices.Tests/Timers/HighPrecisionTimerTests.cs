using Nacelle.Devices.Tests.Interrupts;
using Nacelle.Devices.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Timers;

/// <summary>The HPET against its specification, revision 1.0a; ticks are 10 ns.</summary>
public sealed class HighPrecisionTimerTests
{
    private const ulong Level = 2;
    private const ulong Enable = 4;
    private const ulong Periodic = 8;
    private const ulong SetValue = 0x40;
    private const ulong Narrow = 0x100;
    private readonly HandClock _clock = new() { Now = 1_000_000 };
    private readonly Dictionary<int, RecordingLine> _lines = [];
    private readonly List<bool> _legacy = [];
    private readonly HighPrecisionTimer _timer;

    public HighPrecisionTimerTests()
    {
        for (int i = 0; i < 24; i++)
        {
            _lines[i] = new RecordingLine();
        }

        _timer = new HighPrecisionTimer(_clock, number => _lines[number], _legacy.Add);
        _timer.Reset();
    }

    [Fact]
    public void Only_routes_that_are_offered_read_back()
    {
        for (ulong comparator = 0; comparator < 3; comparator++)
        {
            uint offered = (uint)(Read(0x100 + (comparator * 0x20)) >> 32);
            for (int route = 0; route < 32; route++)
            {
                Write(0x100 + (comparator * 0x20), (ulong)route << 9);
                int kept = (int)(Read(0x100 + (comparator * 0x20)) >> 9) & 31;
                Assert.True(kept == route == ((offered >> route & 1) != 0) || kept == 0, $"route {route} reads back as {kept}");
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Level)]
    public void Without_a_route_nothing_is_interrupted(ulong level)
    {
        Write(0x100, (31UL << 9) | Enable | level);
        Write(0x108, 1000);
        Write(0x10, 1);
        _clock.MoveTo(_clock.Now + 1_000_000);
        Assert.All(_lines.Values, line => Assert.Equal(0, line.Rises));
    }

    [Fact]
    public void A_level_stays_until_its_status_is_cleared_and_goes_with_the_route()
    {
        Write(0x120, (20UL << 9) | Enable | Level);
        Write(0x128, 1000);
        Write(0x10, 1);
        _clock.MoveTo(_clock.Now + 10_000);
        Assert.True(_lines[20].IsAsserted);
        Assert.Equal(2UL, Read(0x20));
        Write(0x120, (21UL << 9) | Enable | Level);
        Assert.False(_lines[20].IsAsserted);
        Assert.True(_lines[21].IsAsserted);
        Write(0x20, 2);
        Assert.False(_lines[21].IsAsserted);
    }

    [Fact]
    public void Halting_the_timer_lowers_its_lines()
    {
        Write(0x100, (20UL << 9) | Enable | Level);
        Write(0x108, 1000);
        Write(0x10, 1);
        _clock.MoveTo(_clock.Now + 10_000);
        Assert.True(_lines[20].IsAsserted);
        Write(0x10, 0);
        Assert.False(_lines[20].IsAsserted);
    }

    [Fact]
    public void A_value_centuries_away_does_not_fire_and_the_counter_takes_any_value()
    {
        Write(0x100, (20UL << 9) | Enable | Level);
        Write(0xF0, 0xFFFF_FFFF_0000_0000);
        Write(0x108, 0x0CCC_CCCC_CCCC_CC00);
        Write(0x10, 1);
        _clock.MoveTo(_clock.Now + 1_000_000_000);
        Assert.Equal(0UL, Read(0x20));
        Assert.Equal(0xFFFF_FFFF_0000_0000 + 100_000_000, Read(0xF0));
    }

    [Fact]
    public void A_narrow_comparator_meets_the_counter_whenever_its_low_half_comes_round()
    {
        Write(0x100, (20UL << 9) | Enable | Narrow);
        Write(0xF0, 0x5_0000_0000);
        Write(0x108, 1000);
        Write(0x10, 1);
        long start = _clock.Now;
        _clock.MoveTo(start + 20_000);
        Assert.Equal(1, _lines[20].TakeRises());
        _clock.MoveTo(start + 42_949_672_960);
        Assert.Equal(0, _lines[20].TakeRises());
        _clock.MoveTo(start + 42_949_672_960 + 20_000);
        Assert.Equal(1, _lines[20].TakeRises());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(Narrow)]
    public void A_period_comes_again_in_its_time(ulong narrow)
    {
        const ulong period = 100_000;
        Write(0xF0, 0x7_FFFF_0000);
        Write(0x100, (20UL << 9) | Enable | Periodic | SetValue | narrow);
        Write(0x108, 0x7_FFFF_0000 + period);
        Write(0x108, period);
        Write(0x10, 1);
        _clock.MoveTo(_clock.Now + 1_000_000_000);
        Assert.Equal(1000, _lines[20].Rises);
    }

    [Theory]
    [InlineData(1UL, 0)]
    [InlineData(3UL, Narrow)]
    [InlineData(0xFFFF_FFFF_FFFF_FFFFUL, 0)]
    public void No_period_is_shorter_than_the_floor_and_jumps_are_one_tick(ulong period, ulong narrow)
    {
        Write(0x100, (20UL << 9) | Enable | Periodic | SetValue | narrow);
        Write(0x108, 1);
        Write(0x108, period);
        Write(0x10, 1);
        int fired = _clock.MoveTo(_clock.Now + 1_000_000_000);
        Assert.InRange(fired, 1, 5000);
        _lines[20].TakeRises();
        const long years = 50L * 365 * 86_400 * 1_000_000_000;
        _clock.Now += years;
        _clock.FireAll();
        Assert.InRange(_lines[20].TakeRises(), 0, 1);
        _clock.FireAll();
        Assert.Equal(0, _lines[20].TakeRises());
    }

    [Fact]
    public void What_came_about_before_a_write_is_not_lost_to_it()
    {
        Write(0x100, (20UL << 9) | Enable | Level);
        Write(0x108, 1000);
        Write(0x10, 1);

        // The timer's thread is late, and the guest writes another register.
        _clock.Now += 50_000;
        Write(0x128, 7);
        Assert.Equal(1UL, Read(0x20));
    }

    [Fact]
    public void Legacy_replacement_takes_the_two_old_lines()
    {
        Write(0x100, (20UL << 9) | Enable);
        Write(0x108, 1000);
        Write(0x120, Enable);
        Write(0x128, 1000);
        Write(0x10, 3);
        _clock.MoveTo(_clock.Now + 20_000);
        Assert.Equal([true], _legacy);
        Assert.Equal((1, 1, 0), (_lines[0].Rises, _lines[8].Rises, _lines[20].Rises));
    }

    private ulong Read(ulong register) => ((IAddressRangeHandler)_timer).Read(register, 8);

    private void Write(ulong register, ulong value) => ((IAddressRangeHandler)_timer).Write(register, 8, value);
}
