using Nacelle.Devices.Platform;
using Nacelle.Devices.Tests.Timers;

namespace Nacelle.Devices.Tests.Platform;

public sealed class MessageLimiterTests
{
    private readonly HandClock _clock = new();
    private readonly List<string> _lines = [];

    [Fact]
    public void A_burst_passes_and_then_one_line_an_interval_with_the_number_left_out()
    {
        MessageLimiter limiter = new(_clock, _lines.Add);
        for (int i = 0; i < 1000; i++)
        {
            limiter.Say("stopped");
        }

        Assert.Equal(Enumerable.Repeat("stopped", MessageLimiter.Burst), _lines);
        _lines.Clear();
        _clock.Now += MessageLimiter.IntervalNanoseconds;
        limiter.Say("stopped again");
        limiter.Say("stopped again");
        Assert.Equal([$"stopped again ({1000 - MessageLimiter.Burst} more messages were left out)"], _lines);
    }

    [Fact]
    public void What_was_left_out_last_is_told_at_the_end_once()
    {
        MessageLimiter limiter = new(_clock, _lines.Add);
        for (int i = 0; i < MessageLimiter.Burst + 3; i++)
        {
            limiter.Say("stopped");
        }

        _lines.Clear();
        limiter.Conclude("disk 0");
        limiter.Conclude("disk 0");
        Assert.Equal(["disk 0: 3 more messages were left out"], _lines);
    }

    [Fact]
    public void A_source_that_was_quiet_may_say_as_much_as_at_first()
    {
        MessageLimiter limiter = new(_clock, _lines.Add);
        for (int round = 0; round < 3; round++)
        {
            _lines.Clear();
            for (int i = 0; i < 100; i++)
            {
                limiter.Say("stopped");
            }

            Assert.Equal(MessageLimiter.Burst, _lines.Count);
            limiter.Conclude("disk 0");
            _clock.Now += (MessageLimiter.Burst + 1) * MessageLimiter.IntervalNanoseconds;
        }
    }
}
