using Nacelle.Linux;

namespace Nacelle.Network;

/// <summary>What one side may leave for the other to do to a frame (virtio 1.2, 5.1.3).</summary>
[Flags]
public enum NetworkOffloads
{
    /// <summary>Nothing: frames are whole and have their checksums.</summary>
    None = 0,

    /// <summary>Checksums of TCP and UDP.</summary>
    Checksum = 1,

    /// <summary>Cutting TCP over IPv4 into segments.</summary>
    Tcp4 = 2,

    /// <summary>Cutting TCP over IPv6 into segments.</summary>
    Tcp6 = 4,

    /// <summary>Cutting TCP with ECN into segments.</summary>
    TcpCongestion = 8,

    /// <summary>Cutting UDP datagrams into IP fragments.</summary>
    Udp = 16,
}

/// <summary>What a network card is connected to.</summary>
/// <remarks>
/// Each queue pair belongs to one event loop at a time. <see cref="SetReceiveOffloads"/> comes from any thread, one at a time.
/// Disposed after its queues are no longer used.
/// </remarks>
public interface INetworkBackend : IDisposable
{
    /// <summary>What people call it, for messages: "tap 'tap0'".</summary>
    string Name { get; }

    /// <summary>The queue pairs; there is at least one.</summary>
    IReadOnlyList<INetworkQueuePair> QueuePairs { get; }

    /// <summary>The largest packet in bytes without its Ethernet header, 68 to 65535; null where it is not known.</summary>
    int? TransmissionUnit { get; }

    /// <summary>What may be left undone in frames that are sent.</summary>
    NetworkOffloads SendOffloads { get; }

    /// <summary>What the back end can leave undone in frames that it receives, once <see cref="SetReceiveOffloads"/> allows it.</summary>
    NetworkOffloads ReceiveOffloads { get; }

    /// <summary>Says what may be left undone in received frames; nothing to begin with.</summary>
    /// <param name="offloads">A part of <see cref="ReceiveOffloads"/>.</param>
    void SetReceiveOffloads(NetworkOffloads offloads);

    /// <summary>Says, in words for a person, why the back end came to its end.</summary>
    /// <param name="errorNumber">The errno that a queue met.</param>
    string DescribeEnd(int errorNumber);
}

/// <summary>One queue pair of a back end, both directions of it: Ethernet frames, each behind a virtio-net header of <see cref="HeaderSize"/> bytes.</summary>
/// <remarks>Owned by one event loop. No call waits.</remarks>
public unsafe interface INetworkQueuePair
{
    /// <summary>Bytes of struct virtio_net_hdr with its num_buffers field (virtio 1.2, 5.1.6).</summary>
    const int HeaderSize = 12;

    /// <summary>Readable when <see cref="Receive"/> has something, writable when <see cref="Send"/> can go on; owned by the queue.</summary>
    int FileDescriptor { get; }

    /// <summary>Lets the pair take part in traffic or not; an inactive pair must not be polled. The first one begins active.</summary>
    /// <returns>False where the host refused.</returns>
    bool TrySetActive(bool active);

    /// <summary>Receives one frame with its header; num_buffers in it is undefined.</summary>
    /// <param name="vectors">Where to, at least <see cref="HeaderSize"/> bytes; the same memory again after a call that returned 0.</param>
    /// <param name="count">1 to <see cref="IoVector.MaximumCount"/>.</param>
    /// <returns>Bytes of header and frame (cut off where the memory ends), 0 when there is none now, or -errno when the back end is gone.</returns>
    int Receive(IoVector* vectors, int count);

    /// <summary>Sends one frame with its header, which was judged.</summary>
    /// <param name="vectors">The header and the frame; the same again after a call that returned -EAGAIN.</param>
    /// <param name="count">1 to <see cref="IoVector.MaximumCount"/>.</param>
    /// <param name="length">Bytes in all vectors.</param>
    /// <returns>0 when it is sent, -EAGAIN when it has to wait for room, or another -errno when it is lost.</returns>
    int Send(IoVector* vectors, int count, int length);

    /// <summary>Forgets a frame half received or half sent: its memory is taken away.</summary>
    void Abandon();
}

/// <summary>A back end cannot be had; the message says which, why, and what to change, in one line.</summary>
/// <param name="message">For people.</param>
/// <param name="inner">What the host said, if it did.</param>
public sealed class NetworkOpenException(string message, Exception? inner = null) : IOException(message, inner);
