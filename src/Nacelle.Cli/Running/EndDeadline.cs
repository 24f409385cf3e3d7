using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>
/// Ends the process when an orderly end takes too long: a disk, file or pipe that the host does not answer for can hold up any thread, and
/// nothing but the end of the process lets go of it.
/// </summary>
/// <remarks>Safe from any thread. Needs neither the thread pool nor a lock that anybody holds for long.</remarks>
internal sealed class EndDeadline
{
    private readonly object _gate = new();
    private int _round;

    /// <summary>Begins to count; an earlier count is over.</summary>
    /// <param name="patience">How long.</param>
    /// <param name="code">The exit code of the process if that is not enough.</param>
    /// <param name="before">Done before the process ends; must not wait.</param>
    internal void Start(TimeSpan patience, int code, Action before)
    {
        int round;
        lock (_gate)
        {
            round = ++_round;
            Monitor.PulseAll(_gate);
        }

        long end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        new Thread(() => Wait(round, end, code, before)) { Name = "end deadline", IsBackground = true }.Start();
    }

    /// <summary>It ended in time.</summary>
    internal void Stop()
    {
        lock (_gate)
        {
            _round++;
            Monitor.PulseAll(_gate);
        }
    }

    private void Wait(int round, long end, int code, Action before)
    {
        lock (_gate)
        {
            while (_round == round)
            {
                long left = end - Environment.TickCount64;
                if (left <= 0)
                {
                    break;
                }

                Monitor.Wait(_gate, TimeSpan.FromMilliseconds(left));
            }

            if (_round != round)
            {
                return;
            }
        }

        before();
        HostProcess.EndNow(code);
    }
}
