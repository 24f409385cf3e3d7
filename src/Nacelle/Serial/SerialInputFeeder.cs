using Nacelle.Devices.Platform;

namespace Nacelle;

/// <summary>Puts bytes into a port's receiver at the guest's pace.</summary>
/// <remarks><see cref="Feed"/> belongs to one thread at a time; <see cref="Cancel"/> may come from any.</remarks>
public sealed class SerialInputFeeder : IDisposable
{
    private readonly SerialPort _port;
    private readonly ManualResetEventSlim _room = new();
    private volatile bool _cancelled;

    /// <summary>Begins to listen to a port.</summary>
    public SerialInputFeeder(SerialPort port)
    {
        ArgumentNullException.ThrowIfNull(port);
        _port = port;
        _port.ReceiverDrained += OnDrained;
    }

    /// <summary>Waits until the guest has taken all bytes, or <see cref="Cancel"/>.</summary>
    public void Feed(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && !_cancelled)
        {
            // In this order, so that room made after the offer ends the wait.
            _room.Reset();
            int taken = _port.Receive(bytes);
            bytes = bytes[taken..];
            if (taken == 0 && !_cancelled)
            {
                _room.Wait();
            }
        }
    }

    /// <summary>Ends a wait and makes the later ones end at once.</summary>
    public void Cancel()
    {
        _cancelled = true;
        _room.Set();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _port.ReceiverDrained -= OnDrained;
        Cancel();
    }

    private void OnDrained() => _room.Set();
}
