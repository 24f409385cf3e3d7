using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Timers;

/// <summary>Periodic interrupts of the real-time clock, by a clock that is moved by hand.</summary>
public sealed class RealTimeClockTests
{
    // 1024 Hz (MC146818A data sheet, table 5).
    private const int Rate = 6;
    private const long Period = 976_562;
    private readonly HandClock _time = new();
    private readonly Line _line = new();

    [Fact]
    public void A_guest_that_keeps_up_gets_each_tick_once()
    {
        RealTimeClock clock = Start(catchesUp: true);
        Assert.Equal(100, Run(clock, periods: 100, alive: _ => true));
    }

    [Fact]
    public void Ticks_that_fall_together_arrive_as_one()
    {
        RealTimeClock clock = Start(catchesUp: false);
        Assert.Equal(10 + 1 + 30, Run(clock, periods: 60, alive: period => period is < 10 or >= 30));
    }

    [Fact]
    public void Ticks_that_the_guest_did_not_see_are_made_up_for()
    {
        RealTimeClock clock = Start(catchesUp: true);
        Assert.Equal(60, Run(clock, periods: 60, alive: period => period is < 10 or >= 30));
    }

    [Fact]
    public void Catching_up_is_no_faster_than_twice_the_rate()
    {
        RealTimeClock clock = Start(catchesUp: true);
        Assert.Equal(1 + (2 * 20), Run(clock, periods: 60, alive: period => period >= 40));
    }

    [Fact]
    public void Ticks_that_the_host_was_late_with_are_made_up_for()
    {
        RealTimeClock clock = Start(catchesUp: true);
        _time.Now += 10 * Period;
        _time.FireAll();
        Assert.True(Acknowledge(clock));
        Assert.Equal(9 + 20, Run(clock, periods: 20, alive: _ => true));
    }

    [Fact]
    public void What_was_missed_is_forgotten_when_the_guest_wants_no_more_ticks()
    {
        RealTimeClock clock = Start(catchesUp: true);
        Run(clock, periods: 20, alive: _ => false);
        Write(clock, 0xB, 0x02);
        Acknowledge(clock);
        Write(clock, 0xB, 0x42);
        Assert.Equal(10, Run(clock, periods: 10, alive: _ => true));
    }

    private RealTimeClock Start(bool catchesUp)
    {
        RealTimeClock clock = new(_time, _line, DateTime.UnixEpoch, catchesUp);
        Write(clock, 0xA, 0x20 | Rate);
        Write(clock, 0xB, 0x42);
        return clock;
    }

    /// <summary>Lets periods go by in steps of a quarter; a guest that is alive takes an interrupt at once.</summary>
    /// <returns>The interrupts that the guest took.</returns>
    private int Run(RealTimeClock clock, int periods, Func<int, bool> alive)
    {
        int taken = 0;
        long begin = _time.Now;
        for (int step = 1; step <= periods * 4; step++)
        {
            _time.Now = begin + (step * Period / 4);
            _time.FireAll();
            taken += alive((step - 1) / 4) && _line.IsAsserted && Acknowledge(clock) ? 1 : 0;
        }

        return taken;
    }

    private static bool Acknowledge(RealTimeClock clock)
    {
        IAddressRangeHandler registers = clock;
        registers.Write(0, 1, 0xC);
        return (registers.Read(1, 1) & 0x40) != 0;
    }

    private static void Write(RealTimeClock clock, byte index, byte value)
    {
        IAddressRangeHandler registers = clock;
        registers.Write(0, 1, index);
        registers.Write(1, 1, value);
    }

    private sealed class Line : IInterruptLine
    {
        public bool IsAsserted { get; private set; }

        public void SetLevel(bool asserted) => IsAsserted = asserted;
    }
}
