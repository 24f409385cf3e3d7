using Nacelle.Linux;
using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>What a queue pair works by, from DRIVER_OK to the reset.</summary>
/// <param name="SendOffloads">What the driver may leave undone in frames that it sends.</param>
/// <param name="Checksums">Whether the driver looks at checksum marks of what it receives.</param>
/// <param name="Mergeable">Whether a frame may take several buffers.</param>
/// <param name="LargestFrame">Bytes of the largest frame to receive, with both headers.</param>
internal sealed record NetworkSettings(NetworkOffloads SendOffloads, bool Checksums, bool Mergeable, int LargestFrame);

/// <summary>Takes frames from the back end to the guest.</summary>
/// <remarks>Owned by the queue pair's loop.</remarks>
internal sealed unsafe class ReceiveHandler : IDisposable
{
    /// <summary>Frames of one turn, after which the loop looks at its other descriptors.</summary>
    private const int TurnFrames = 256;

    /// <summary>
    /// How long buffers that might be too small for the next frame wait for more, in nanoseconds. A driver whose whole ring
    /// is smaller than the largest frame has no more to give, and would wait for this side as this side for it.
    /// </summary>
    private const long ShortageNanoseconds = 10_000_000;

    private readonly NetworkQueuePairHandler _pair;
    private readonly INetworkQueuePair _host;
    private readonly ReceiveBuffers _buffers;
    private readonly EventLoopTimer _shortage;
    private Virtqueue? _queue;
    private NetworkSettings _settings = null!;
    private bool _acceptsShortage;

    public ReceiveHandler(NetworkQueuePairHandler pair, INetworkQueuePair host, int queueSize, EventLoop loop)
    {
        _pair = pair;
        _host = host;
        _buffers = new ReceiveBuffers(queueSize);
        _shortage = loop.CreateTimer(AcceptShortage);
    }

    /// <summary>Whether there is room for a frame, so that the back end is to be watched.</summary>
    public bool WantsFrames { get; private set; }

    public void Activate(Virtqueue? queue, NetworkSettings settings)
    {
        _queue = queue;
        _settings = settings;
        _acceptsShortage = false;
        WantsFrames = false;
    }

    public void Deactivate()
    {
        _queue = null;
        _shortage.Cancel();
        _buffers.Clear();
        WantsFrames = false;
    }

    /// <summary>The driver gave buffers.</summary>
    public void Kicked()
    {
        if (!WantsFrames)
        {
            Process();
        }
    }

    /// <summary>Moves frames for one turn, and says by <see cref="WantsFrames"/> what it waits for then.</summary>
    public void Process()
    {
        if (_queue is not { } queue || !_pair.IsRunning)
        {
            return;
        }

        for (int frames = 0; frames < TurnFrames && Fill(queue); frames++)
        {
            int length = _host.Receive(_buffers.Vectors, _buffers.VectorCount);
            if (length == 0)
            {
                break;
            }

            if (length < 0)
            {
                _pair.Lost(-length);
                break;
            }

            Deliver(queue, length);
        }

        queue.NotifyIfNeeded();
        _pair.Rewatch();
    }

    public void Dispose() => _buffers.Dispose();

    private void Deliver(Virtqueue queue, int length)
    {
        if (length < NetworkHeader.Size + TransmitHeaderParser.ShortestFrame
            || (_settings.Mergeable ? length > _buffers.Capacity : !_buffers.FitsFirst(length)))
        {
            _pair.Metrics.CountReceiveDrop();
            return;
        }

        ReceiveFilter filter = _pair.Filter;
        if (!filter.Promiscuous)
        {
            Span<byte> start = stackalloc byte[ReceiveFilter.InspectedBytes];
            start = start[..Math.Min(start.Length, length - NetworkHeader.Size)];
            _buffers.Peek(NetworkHeader.Size, start);
            if (!filter.Accepts(start))
            {
                _pair.Metrics.CountFiltered();
                return;
            }
        }

        _buffers.Give(queue, length, _settings.Checksums);
        queue.Publish();
        _pair.Metrics.CountReceived(length - NetworkHeader.Size);
    }

    /// <summary>Gathers buffers for the next frame.</summary>
    /// <returns>Whether there are enough; where not, the driver will kick.</returns>
    private bool Fill(Virtqueue queue)
    {
        int wanted = _settings.Mergeable ? _settings.LargestFrame : 1;
        if (_buffers.Capacity < wanted)
        {
            do
            {
                while (_buffers.Capacity < wanted && _buffers.HasPlace && _buffers.TryAdd(queue))
                {
                    // The next one.
                }
            }
            while (_buffers.Capacity < wanted && _buffers.HasPlace && queue.EnableNotifications());
        }

        bool enough = _buffers.Capacity >= wanted || !_buffers.HasPlace;
        _acceptsShortage &= !enough;
        bool ready = !queue.IsBroken && (enough || (_acceptsShortage && _buffers.Count > 0));
        if (ready)
        {
            if (!WantsFrames)
            {
                WantsFrames = true;
                queue.DisableNotifications();
                _shortage.Cancel();
            }

            return true;
        }

        WantsFrames = false;
        if (_buffers.Count > 0 && !queue.IsBroken)
        {
            _shortage.Arm(EventLoop.NowNanoseconds + ShortageNanoseconds);
        }

        return false;
    }

    private void AcceptShortage()
    {
        _acceptsShortage = true;
        Kicked();
    }
}
