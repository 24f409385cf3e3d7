using System.Runtime.InteropServices;
using Nacelle.Linux;
using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>Takes frames from the guest to the back end, straight out of the guest's memory behind a header that was judged.</summary>
/// <remarks>Owned by the queue pair's loop.</remarks>
internal sealed unsafe class TransmitHandler : IDisposable
{
    private readonly NetworkQueuePairHandler _pair;
    private readonly INetworkQueuePair _host;
    private readonly EventLoop _loop;
    private readonly Action _continue;
    private readonly DescriptorChain _chain = new();
    private readonly NetworkHeader* _header;
    private readonly IoVector* _vectors;
    private Virtqueue? _queue;
    private NetworkSettings _settings = null!;
    private int _vectorCount;
    private int _length;
    private bool _continues;

    public TransmitHandler(NetworkQueuePairHandler pair, INetworkQueuePair host, EventLoop loop)
    {
        _pair = pair;
        _host = host;
        _loop = loop;
        _header = (NetworkHeader*)NativeMemory.AllocZeroed((nuint)sizeof(NetworkHeader));
        _vectors = (IoVector*)NativeMemory.Alloc(IoVector.MaximumCount, (nuint)sizeof(IoVector));
        _continue = () =>
        {
            _continues = false;
            Process();
        };
    }

    /// <summary>Whether a frame waits for room in the back end.</summary>
    public bool IsBlocked { get; private set; }

    public void Activate(Virtqueue? queue, NetworkSettings settings)
    {
        _queue = queue;
        _settings = settings;
        IsBlocked = false;
    }

    public void Deactivate()
    {
        _queue = null;
        IsBlocked = false;
    }

    /// <summary>Moves frames for one turn, until the queue is empty or the back end full.</summary>
    public void Process()
    {
        if (_queue is not { } queue || !_pair.IsRunning || IsBlocked)
        {
            return;
        }

        // A turn is bounded so that a guest that sends without end cannot keep the loop from receiving.
        int budget = queue.Size;
        do
        {
            queue.DisableNotifications();
            while (budget > 0 && !IsBlocked && TryTake(queue))
            {
                budget--;
            }
        }
        while (budget > 0 && !IsBlocked && queue.EnableNotifications());

        queue.NotifyIfNeeded();
        if (budget == 0 && !IsBlocked && !_continues)
        {
            _continues = true;
            _loop.Post(_continue);
        }
    }

    /// <summary>The back end has room again, or is gone.</summary>
    public void Resume()
    {
        if (IsBlocked && _queue is { } queue)
        {
            IsBlocked = false;
            Send(queue);
            Process();
            _pair.Rewatch();
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_header);
        NativeMemory.Free(_vectors);
    }

    private bool TryTake(Virtqueue queue)
    {
        if (!queue.TryPop(_chain))
        {
            return false;
        }

        ReadOnlySpan<GuestSegment> segments = _chain.Readable;
        string? framing = !_chain.TryReadHeader(out *_header) ? "a frame to send has no whole header"
            : segments.Length >= IoVector.MaximumCount ? "a frame to send has more segments than the host takes"
            : null;
        if (framing is not null)
        {
            queue.Break(framing);
            return false;
        }

        ulong length = _chain.ReadableLength - NetworkHeader.Size;
        if (TransmitHeaderParser.Judge(ref *_header, length, _settings.SendOffloads) is not null)
        {
            _pair.Metrics.CountMalformed();
            queue.Push(_chain, 0);
            return true;
        }

        _length = NetworkHeader.Size + (int)length;
        Gather(segments);
        Send(queue);
        return true;
    }

    private void Gather(ReadOnlySpan<GuestSegment> segments)
    {
        _vectors[0] = new IoVector((nint)_header, NetworkHeader.Size);
        _vectorCount = 1;
        uint skip = NetworkHeader.Size;
        foreach (ref readonly GuestSegment segment in segments)
        {
            if (skip >= segment.Length)
            {
                skip -= segment.Length;
                continue;
            }

            _vectors[_vectorCount++] = new IoVector(segment.Host + (nint)skip, segment.Length - skip);
            skip = 0;
        }
    }

    private void Send(Virtqueue queue)
    {
        int result = _pair.IsLost ? -1 : _host.Send(_vectors, _vectorCount, _length);
        if (result == -VectoredIo.WouldBlock)
        {
            IsBlocked = true;
            _pair.Rewatch();
            return;
        }

        if (result == 0)
        {
            _pair.Metrics.CountSent(_length - NetworkHeader.Size);
        }
        else
        {
            _pair.Metrics.CountSendDrop();
        }

        queue.Push(_chain, 0);
    }
}
