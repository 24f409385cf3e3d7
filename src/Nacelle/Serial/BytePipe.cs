namespace Nacelle;

/// <summary>What happens when a pipe's taker is slow.</summary>
public enum BytePipeOverflow
{
    /// <summary>The writer waits: nothing is lost.</summary>
    Wait,

    /// <summary>The newest bytes are lost: the writer never waits.</summary>
    Drop,
}

/// <summary>256 KiB between a writer that should not block and a taker that may, with a thread that does the blocking.</summary>
/// <remarks>Guards its own state. The taker is called on the pipe's thread only, outside the lock.</remarks>
public sealed class BytePipe : IDisposable
{
    private const int Capacity = 1 << 18;
    private readonly object _gate = new();
    private readonly byte[] _ring = new byte[Capacity];
    private readonly byte[] _batch = new byte[1 << 14];
    private readonly Action<ReadOnlyMemory<byte>> _taker;
    private readonly BytePipeOverflow _overflow;
    private readonly Thread _thread;
    private int _start;
    private int _count;
    private long _lost;
    private bool _wanted;
    private bool _taking;
    private bool _cancelled;
    private bool _ended;

    /// <summary>Starts the pipe's thread.</summary>
    /// <param name="name">Of the thread.</param>
    /// <param name="overflow">What happens when the taker is slow.</param>
    /// <param name="taker">Takes all of the bytes, or loses them; may block; does not throw.</param>
    public BytePipe(string name, BytePipeOverflow overflow, Action<ReadOnlyMemory<byte>> taker)
    {
        ArgumentNullException.ThrowIfNull(taker);
        _taker = taker;
        _overflow = overflow;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Raised on the pipe's thread, with no lock held, when there is room after <see cref="TryWrite"/> found too little.</summary>
    public event Action? RoomMade;

    /// <summary>Adds as many bytes as there is room for, without waiting. Once cancelled it takes all and loses them.</summary>
    /// <returns>How many were taken; for less than all, <see cref="RoomMade"/> follows.</returns>
    public int TryWrite(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_cancelled)
            {
                _lost += bytes.Length;
                return bytes.Length;
            }

            int count = Math.Min(bytes.Length, Capacity - _count);
            int end = (_start + _count) % Capacity;
            int first = Math.Min(count, Capacity - end);
            bytes[..first].CopyTo(_ring.AsSpan(end));
            bytes[first..count].CopyTo(_ring);
            _count += count;
            _wanted |= count != bytes.Length;
            Monitor.PulseAll(_gate);
            return count;
        }
    }

    /// <summary>Adds bytes, waiting for room where that was asked for.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            while (!bytes.IsEmpty)
            {
                while (_count == Capacity && _overflow == BytePipeOverflow.Wait && !_cancelled)
                {
                    Monitor.Wait(_gate);
                }

                int end = (_start + _count) % Capacity;
                int room = Math.Min(Math.Min(Capacity - _count, Capacity - end), bytes.Length);
                if (room == 0)
                {
                    _lost += bytes.Length;
                    return;
                }

                bytes[..room].CopyTo(_ring.AsSpan(end));
                _count += room;
                bytes = bytes[room..];
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Waits until the taker has everything, or <see cref="Cancel"/>.</summary>
    /// <param name="patience">How long the taker may take nothing at all; negative for ever.</param>
    /// <returns>False where it took nothing for so long.</returns>
    public bool Drain(TimeSpan patience)
    {
        lock (_gate)
        {
            while ((_count != 0 || _taking) && !_cancelled)
            {
                // Pulses come when something was taken; without one nothing was.
                if (!Monitor.Wait(_gate, patience))
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>How many bytes found no room since this was asked last.</summary>
    public long TakeLost()
    {
        lock (_gate)
        {
            (long lost, _lost) = (_lost, 0);
            return lost;
        }
    }

    /// <summary>Nobody waits for the taker any more.</summary>
    public void Cancel()
    {
        lock (_gate)
        {
            _cancelled = true;
            Monitor.PulseAll(_gate);
        }

        // Whoever waits for room hears that nothing is waited for any more.
        RoomMade?.Invoke();
    }

    /// <summary>Ends the thread, after the bytes that it is handing over; does not wait for a taker that blocks.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _cancelled = true;
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Run()
    {
        while (Next(out bool room) is int count and > 0)
        {
            if (room)
            {
                RoomMade?.Invoke();
            }

            _taker(_batch.AsMemory(0, count));
        }
    }

    private int Next(out bool room)
    {
        room = false;
        lock (_gate)
        {
            _taking = false;
            Monitor.PulseAll(_gate);
            while (_count == 0 && !_ended)
            {
                Monitor.Wait(_gate);
            }

            if (_ended)
            {
                return 0;
            }

            int count = Math.Min(Math.Min(_count, Capacity - _start), _batch.Length);
            _ring.AsSpan(_start, count).CopyTo(_batch);
            _start = (_start + count) % Capacity;
            _count -= count;
            _taking = true;
            (room, _wanted) = (_wanted, false);
            return count;
        }
    }
}
