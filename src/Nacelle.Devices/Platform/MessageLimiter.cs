using Nacelle.Devices.Timers;

namespace Nacelle.Devices.Platform;

/// <summary>
/// Passes on what one source says, a few lines at once and then one at intervals with the number of those left out: a guest
/// causes messages as fast as it likes.
/// </summary>
/// <remarks>Thread safe; the taker is called under the limiter's lock, so that lines keep their order.</remarks>
/// <param name="timers">Time.</param>
/// <param name="taker">Takes the lines; must not wait for a guest.</param>
public sealed class MessageLimiter(ITimerService timers, Action<string> taker)
{
    /// <summary>Lines that pass before any is left out.</summary>
    public const int Burst = 8;

    /// <summary>From then on one passes in this time.</summary>
    public const long IntervalNanoseconds = 10_000_000_000;

    private readonly Lock _state = new();
    private int _passed;
    private long _leftOut;
    private long _next;

    /// <summary>Says a line, or counts it.</summary>
    public void Say(string line)
    {
        lock (_state)
        {
            long now = timers.NowNanoseconds;
            if (_passed < Burst)
            {
                _passed++;
                _next = now + IntervalNanoseconds;
                taker(line);
            }
            else if (now < _next)
            {
                _leftOut++;
            }
            else
            {
                // Quiet for long enough, the source has all its lines again.
                _passed = now - _next >= Burst * IntervalNanoseconds ? 1 : _passed;
                _next = now + IntervalNanoseconds;
                taker(_leftOut == 0 ? line : $"{line} ({_leftOut} more messages were left out)");
                _leftOut = 0;
            }
        }
    }

    /// <summary>Says how many lines were left out since the last one, if any. At the end of the machine.</summary>
    /// <param name="source">Whose they were.</param>
    public void Conclude(string source)
    {
        lock (_state)
        {
            if (_leftOut != 0)
            {
                taker($"{source}: {_leftOut} more messages were left out");
                _leftOut = 0;
            }
        }
    }
}
