using Nacelle.Linux;

namespace Nacelle.Network;

/// <summary>A tap interface of the host: what the guest sends arrives there as if from a cable, and the other way round.</summary>
/// <remarks>As <see cref="INetworkBackend"/>. The tap was there before and stays.</remarks>
public sealed class TapBackend : INetworkBackend
{
    /// <summary>The most queues of a tap (MAX_TAP_QUEUES of the host is 256; a card has no use for more).</summary>
    public const int MaximumQueues = 32;

    private readonly TapQueuePair[] _queues;

    private TapBackend(string name, TapQueuePair[] queues, NetworkOffloads offloads)
    {
        Name = $"tap '{name}'";
        _queues = queues;
        SendOffloads = offloads;
        TransmissionUnit = NetworkInterface.TransmissionUnit(name) is { } unit and >= 68 and <= 65535 ? unit : null;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IReadOnlyList<INetworkQueuePair> QueuePairs => _queues;

    /// <inheritdoc/>
    public int? TransmissionUnit { get; }

    /// <inheritdoc/>
    public NetworkOffloads SendOffloads { get; }

    /// <inheritdoc/>
    public NetworkOffloads ReceiveOffloads => SendOffloads;

    /// <summary>Attaches to a tap that exists: a misspelt name must not become an interface that leads nowhere.</summary>
    /// <param name="name">The interface's name.</param>
    /// <param name="queues">1 to <see cref="MaximumQueues"/>; more than one needs a tap made with multi_queue.</param>
    /// <exception cref="NetworkOpenException">It cannot be had; nothing is left behind.</exception>
    public static TapBackend Open(string name, int queues = 1)
    {
        ArgumentNullException.ThrowIfNull(name);
        TapErrors.Check(name, queues);
        if (!NetworkInterface.Exists(name))
        {
            throw TapErrors.Missing(name, queues);
        }

        List<TapQueuePair> opened = [];
        try
        {
            bool multiQueue = queues > 1 || TapErrors.IsMultiQueue(name);
            TapAttachment first = OpenFirst(name, queues, ref multiQueue);
            opened.Add(new TapQueuePair(first));
            while (opened.Count < queues)
            {
                TapQueuePair next = new(TapAttachment.Open(name, multiQueue));
                opened.Add(next);

                // The host spreads frames over all attached queues: the others join when the guest asks for them.
                next.TrySetActive(false);
            }

            NetworkOffloads offloads = Probe(first);
            return new TapBackend(name, [.. opened], offloads);
        }
        catch (LinuxException error)
        {
            CloseAll(opened);
            throw TapErrors.Explain(error, name, queues);
        }
        catch
        {
            CloseAll(opened);
            throw;
        }
    }

    /// <summary>Whether there is a tap of this name that was made for one queue; false where the host does not tell.</summary>
    public static bool ExistsForOneQueue(string name) => TapErrors.IsForOneQueue(name);

    /// <inheritdoc/>
    public void SetReceiveOffloads(NetworkOffloads offloads) => _queues[0].TrySetOffloads(offloads & ReceiveOffloads);

    /// <inheritdoc/>
    public string DescribeEnd(int errorNumber) => $"{Name} was deleted on the host; make it again and restart the machine";

    /// <inheritdoc/>
    public void Dispose() => CloseAll(_queues);

    private static void CloseAll(IEnumerable<TapQueuePair> queues)
    {
        foreach (TapQueuePair queue in queues)
        {
            queue.Dispose();
        }
    }

    /// <summary>A tap with one queue wants the other flag; where the host does not tell which it is, both are tried.</summary>
    private static TapAttachment OpenFirst(string name, int queues, ref bool multiQueue)
    {
        const int invalidArgument = 22;
        try
        {
            return TapAttachment.Open(name, multiQueue);
        }
        catch (LinuxException error) when (queues == 1 && error.ErrorNumber == invalidArgument)
        {
            multiQueue = !multiQueue;
            return TapAttachment.Open(name, multiQueue);
        }
    }

    /// <summary>Finds out what the host's driver can do; UFO came, went and came back.</summary>
    private static NetworkOffloads Probe(TapAttachment queue)
    {
        const NetworkOffloads tcp = NetworkOffloads.Checksum | NetworkOffloads.Tcp4 | NetworkOffloads.Tcp6 | NetworkOffloads.TcpCongestion;
        NetworkOffloads[] candidates = [tcp | NetworkOffloads.Udp, tcp, NetworkOffloads.Checksum];
        foreach (NetworkOffloads candidate in candidates)
        {
            if (queue.TrySetOffloads((TapOffloads)candidate))
            {
                queue.TrySetOffloads(TapOffloads.None);
                return candidate;
            }
        }

        return NetworkOffloads.None;
    }
}

/// <summary>A queue of a tap: one system call a frame, straight between the host kernel and the memory given.</summary>
/// <remarks>Owned by one event loop.</remarks>
internal sealed unsafe class TapQueuePair(TapAttachment tap) : INetworkQueuePair, IDisposable
{
    private bool _active = true;

    public int FileDescriptor => tap.FileDescriptor;

    public bool TrySetActive(bool active)
    {
        if (active == _active)
        {
            return true;
        }

        bool done = tap.TrySetAttached(active);
        _active = done ? active : _active;
        return done;
    }

    public bool TrySetOffloads(NetworkOffloads offloads) => tap.TrySetOffloads((TapOffloads)offloads);

    public int Receive(IoVector* vectors, int count)
    {
        nint result = VectoredIo.Read(tap.FileDescriptor, vectors, count);
        return result == -VectoredIo.WouldBlock ? 0 : (int)result;
    }

    public int Send(IoVector* vectors, int count, int length)
    {
        nint result = VectoredIo.Write(tap.FileDescriptor, vectors, count);
        return result < 0 ? (int)result : 0;
    }

    public void Abandon()
    {
        // A tap takes and gives whole frames.
    }

    public void Dispose() => tap.Dispose();
}
