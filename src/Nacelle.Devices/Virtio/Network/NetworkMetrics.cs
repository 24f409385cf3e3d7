namespace Nacelle.Devices.Virtio.Network;

/// <summary>What one queue pair of a network card has done since it was made.</summary>
/// <remarks>Written by the pair's loop alone; any thread may read, each counter on its own.</remarks>
public sealed class NetworkMetrics
{
    private long _framesReceived;
    private long _bytesReceived;
    private long _framesFiltered;
    private long _receiveDrops;
    private long _framesSent;
    private long _bytesSent;
    private long _sendDrops;
    private long _malformed;

    /// <summary>Frames that the guest got.</summary>
    public long FramesReceived => Volatile.Read(ref _framesReceived);

    /// <summary>Bytes of them, without their virtio-net headers.</summary>
    public long BytesReceived => Volatile.Read(ref _bytesReceived);

    /// <summary>Frames that the guest's receive mode keeps out.</summary>
    public long FramesFiltered => Volatile.Read(ref _framesFiltered);

    /// <summary>Frames that did not fit into the buffers of the guest.</summary>
    public long ReceiveDrops => Volatile.Read(ref _receiveDrops);

    /// <summary>Frames that the back end took.</summary>
    public long FramesSent => Volatile.Read(ref _framesSent);

    /// <summary>Bytes of them, without their virtio-net headers.</summary>
    public long BytesSent => Volatile.Read(ref _bytesSent);

    /// <summary>Frames that the back end refused, or that came when it was gone.</summary>
    public long SendDrops => Volatile.Read(ref _sendDrops);

    /// <summary>Frames that were dropped since their headers break a rule.</summary>
    public long Malformed => Volatile.Read(ref _malformed);

    internal void CountReceived(int bytes)
    {
        Add(ref _framesReceived, 1);
        Add(ref _bytesReceived, bytes);
    }

    internal void CountFiltered() => Add(ref _framesFiltered, 1);

    internal void CountReceiveDrop() => Add(ref _receiveDrops, 1);

    internal void CountSent(int bytes)
    {
        Add(ref _framesSent, 1);
        Add(ref _bytesSent, bytes);
    }

    internal void CountSendDrop() => Add(ref _sendDrops, 1);

    internal void CountMalformed() => Add(ref _malformed, 1);

    private static void Add(ref long counter, long amount) => Volatile.Write(ref counter, counter + amount);
}
