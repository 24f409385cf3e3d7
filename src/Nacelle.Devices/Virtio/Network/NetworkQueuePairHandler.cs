using Nacelle.Linux;
using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>A receive queue and a transmit queue of the guest with the queue pair of the back end behind them.</summary>
/// <remarks>Owned by its loop, but for <see cref="Filter"/>, which the control queue's loop replaces.</remarks>
internal sealed class NetworkQueuePairHandler : IDisposable
{
    private readonly INetworkQueuePair _host;
    private readonly Action<int> _lost;
    private readonly ReceiveHandler _receive;
    private readonly TransmitHandler _transmit;
    private ReceiveFilter _filter;
    private PollEvents _watched;
    private bool _isWatching;
    private bool _hasQueues;

    /// <param name="host">The back end's side.</param>
    /// <param name="loop">Owns the pair.</param>
    /// <param name="queueSize">Descriptors of each queue.</param>
    /// <param name="filter">What the guest sees to begin with.</param>
    /// <param name="lost">Told once, on the loop, with the errno, when the back end is gone.</param>
    public NetworkQueuePairHandler(
        INetworkQueuePair host, EventLoop loop, int queueSize, ReceiveFilter filter, Action<int> lost)
    {
        _host = host;
        _lost = lost;
        _filter = filter;
        Loop = loop;
        _receive = new ReceiveHandler(this, host, queueSize, loop);
        _transmit = new TransmitHandler(this, host, loop);
    }

    public EventLoop Loop { get; }

    public NetworkMetrics Metrics { get; } = new();

    /// <summary>Whether the driver uses the pair: queues are there, and it was asked for.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Whether the back end is gone for good.</summary>
    public bool IsLost { get; private set; }

    public ReceiveFilter Filter
    {
        get => Volatile.Read(ref _filter);
        set => Volatile.Write(ref _filter, value);
    }

    public void Activate(Virtqueue? receive, Virtqueue? transmit, NetworkSettings settings)
    {
        _hasQueues = receive is not null && transmit is not null;
        _receive.Activate(receive, settings);
        _transmit.Activate(transmit, settings);
    }

    public void Deactivate()
    {
        Stop();
        _hasQueues = false;
        _receive.Deactivate();
        _transmit.Deactivate();
        _host.Abandon();
    }

    /// <summary>Begins to move frames.</summary>
    /// <returns>False where the driver has not made both queues, or the back end refuses.</returns>
    public bool TryStart()
    {
        if (IsRunning)
        {
            return true;
        }

        if (!_hasQueues || !_host.TrySetActive(true))
        {
            return false;
        }

        IsRunning = true;
        Rewatch();
        _receive.Process();
        _transmit.Process();
        return true;
    }

    /// <summary>Stands still until <see cref="TryStart"/>.</summary>
    public void Stop()
    {
        IsRunning = false;
        Unwatch();
    }

    /// <summary>Takes the pair of the back end out of traffic; after <see cref="Stop"/>.</summary>
    public void Detach() => _host.TrySetActive(false);

    public void ReceiveKicked() => _receive.Kicked();

    public void TransmitKicked() => _transmit.Process();

    /// <summary>Watches the back end for what the handlers wait for.</summary>
    public void Rewatch()
    {
        if (!IsRunning || IsLost)
        {
            return;
        }

        PollEvents wanted = (_receive.WantsFrames ? PollEvents.Readable : PollEvents.None)
            | (_transmit.IsBlocked ? PollEvents.Writable : PollEvents.None);
        if (!_isWatching)
        {
            Loop.Watch(_host.FileDescriptor, wanted, OnReady);
            _isWatching = true;
        }
        else if (wanted != _watched)
        {
            Loop.Rewatch(_host.FileDescriptor, wanted);
        }

        _watched = wanted;
    }

    /// <summary>The back end is gone: from now on frames of the guest vanish.</summary>
    public void Lost(int errorNumber)
    {
        if (!IsLost)
        {
            IsLost = true;
            Unwatch();
            _transmit.Resume();
            _lost(errorNumber);
        }
    }

    public void Dispose()
    {
        _receive.Dispose();
        _transmit.Dispose();
    }

    private void OnReady(PollEvents events)
    {
        const PollEvents ended = PollEvents.Error | PollEvents.HangUp;
        if ((events & (PollEvents.Writable | ended)) != 0)
        {
            _transmit.Resume();
        }

        if (_receive.WantsFrames)
        {
            _receive.Process();
        }
        else if ((events & ended) != 0)
        {
            // Nobody reads just now, and the event would come again and again.
            const int brokenPipe = 32;
            Lost(brokenPipe);
        }
    }

    private void Unwatch()
    {
        if (_isWatching)
        {
            Loop.Unwatch(_host.FileDescriptor);
            _isWatching = false;
            _watched = PollEvents.None;
        }
    }
}
