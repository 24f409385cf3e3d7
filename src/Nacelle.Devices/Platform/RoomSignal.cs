namespace Nacelle.Devices.Platform;

/// <summary>Whether a far end has room, to wait for. Any thread may call; nothing of the host is held, so nothing is disposed.</summary>
internal sealed class RoomSignal
{
    private readonly object _gate = new();
    private bool _room = true;

    /// <summary>There is none: waits wait.</summary>
    public void Reset()
    {
        lock (_gate)
        {
            _room = false;
        }
    }

    /// <summary>There is some: waits end.</summary>
    public void Set()
    {
        lock (_gate)
        {
            _room = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits for room.</summary>
    /// <param name="patience">For how long at most.</param>
    /// <returns>Whether there is some.</returns>
    public bool Wait(TimeSpan patience)
    {
        long deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        lock (_gate)
        {
            while (!_room)
            {
                long left = deadline - Environment.TickCount64;
                if (left <= 0 || !Monitor.Wait(_gate, TimeSpan.FromMilliseconds(left)))
                {
                    return _room;
                }
            }

            return true;
        }
    }
}
