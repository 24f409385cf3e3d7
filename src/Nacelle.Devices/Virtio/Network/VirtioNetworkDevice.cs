using Nacelle.Linux;
using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>How a virtio network card looks to its driver.</summary>
public sealed record VirtioNetworkOptions
{
    /// <summary>The station's address; not that of a group.</summary>
    public required MacAddress Address { get; init; }

    /// <summary>Descriptors of each queue, a power of two from 4 to 512.</summary>
    public ushort QueueSize { get; init; } = 256;

    /// <summary>The number of queue pairs when none was asked for: one a vCPU, at most four.</summary>
    public static int DefaultQueuePairs(int virtualCpus) => Math.Clamp(virtualCpus, 1, 4);
}

/// <summary>A network card (virtio 1.2, 5.1).</summary>
/// <remarks>
/// Each queue pair lives on a loop of its own together with one of the back end; the control queue lives on the first.
/// Configuration accesses come from vCPU threads. The back end and the loops are the caller's, who disposes them after the
/// device.
/// </remarks>
public sealed class VirtioNetworkDevice : IVirtioDevice, INetworkControl, IDisposable
{
    private const ushort ControlQueueSize = 64;
    private readonly INetworkBackend _backend;
    private readonly VirtioNetworkOptions _options;
    private readonly Action<string>? _diagnostics;
    private readonly NetworkConfigurationSpace _configuration;
    private readonly NetworkQueuePairHandler[] _pairs;
    private readonly ControlQueueHandler _control;
    private ReceiveFilter _filter;
    private IVirtioTransport? _transport;
    private int _lost;
    private int _usedPairs = 1;

    // Without the multi-queue feature the control queue follows the first pair (5.1.2).
    private int _controlIndex;

    /// <summary>Makes a card over a back end.</summary>
    /// <param name="backend">What it is connected to.</param>
    /// <param name="loops">One for each queue pair of the back end.</param>
    /// <param name="options">What the driver sees.</param>
    /// <param name="diagnostics">Takes a line when the back end is gone; called on a loop.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public VirtioNetworkDevice(
        INetworkBackend backend, IReadOnlyList<EventLoop> loops, VirtioNetworkOptions options, Action<string>? diagnostics = null)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(loops);
        ArgumentNullException.ThrowIfNull(options);
        int pairs = backend.QueuePairs.Count;
        Check(options, pairs, loops.Count);
        _backend = backend;
        _options = options;
        _diagnostics = diagnostics;
        _configuration = new NetworkConfigurationSpace(options.Address, pairs, backend.TransmissionUnit ?? 0);
        _filter = new ReceiveFilter { Own = options.Address };
        _pairs = new NetworkQueuePairHandler[pairs];
        for (int i = 0; i < pairs; i++)
        {
            _pairs[i] = new NetworkQueuePairHandler(backend.QueuePairs[i], loops[i], options.QueueSize, _filter, Lost);
        }

        _control = new ControlQueueHandler(this, loops[0]);
        _controlIndex = 2 * pairs;
        QueueSizes = [.. Enumerable.Repeat(options.QueueSize, 2 * pairs), ControlQueueSize];
        Features = NetworkFeatures.Mac | NetworkFeatures.Status | NetworkFeatures.MergeableBuffers
            | NetworkFeatures.ControlQueue | NetworkFeatures.ControlReceive | NetworkFeatures.ControlReceiveExtra
            | NetworkFeatures.ControlVlan | NetworkFeatures.ControlMac
            | NetworkFeatures.Offer(backend.SendOffloads, backend.ReceiveOffloads)
            | (backend.TransmissionUnit is null ? 0 : NetworkFeatures.TransmissionUnit)
            | (pairs > 1 ? NetworkFeatures.MultiQueue : 0);
    }

    /// <summary>What each queue pair has done.</summary>
    public IReadOnlyList<NetworkMetrics> Metrics => [.. _pairs.Select(pair => pair.Metrics)];

    /// <inheritdoc/>
    public VirtioDeviceType Type => VirtioDeviceType.Network;

    /// <inheritdoc/>
    public ulong Features { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ushort> QueueSizes { get; }

    /// <inheritdoc/>
    public uint ConfigurationSize => NetworkConfigurationSpace.Size;

    ReceiveFilter INetworkControl.Filter
    {
        get => _filter;
        set
        {
            _filter = value;
            foreach (NetworkQueuePairHandler pair in _pairs)
            {
                pair.Filter = value;
            }
        }
    }

    /// <inheritdoc/>
    public EventLoop GetQueueLoop(int index) =>
        index >= _controlIndex ? _pairs[0].Loop : _pairs[index / 2].Loop;

    /// <inheritdoc/>
    public void ReadConfiguration(uint offset, Span<byte> destination) => _configuration.Read(offset, destination);

    /// <inheritdoc/>
    public void WriteConfiguration(uint offset, ReadOnlySpan<byte> source)
    {
        // Nothing is writable: the address is set through the control queue (5.1.4).
    }

    /// <inheritdoc/>
    public void Activate(VirtioActivation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        bool multiQueue = activation.Has(NetworkFeatures.MultiQueue);
        int usable = multiQueue ? _pairs.Length : 1;
        _controlIndex = 2 * usable;
        _transport = activation.Transport;
        NetworkOffloads receive = NetworkFeatures.ReceiveOffloads(activation.Features);
        NetworkSettings settings = new(
            NetworkFeatures.SendOffloads(activation.Features),
            (receive & NetworkOffloads.Checksum) != 0,
            activation.Has(NetworkFeatures.MergeableBuffers),
            LargestFrame(receive));
        _backend.SetReceiveOffloads(receive);
        Virtqueue? control = activation.Has(NetworkFeatures.ControlQueue) ? QueueAt(activation, _controlIndex) : null;
        _pairs[0].Loop.Invoke(() => _control.Activate(control, activation.Features));
        for (int i = 0; i < usable; i++)
        {
            NetworkQueuePairHandler pair = _pairs[i];
            Virtqueue? receiveQueue = QueueAt(activation, 2 * i);
            Virtqueue? transmitQueue = QueueAt(activation, (2 * i) + 1);
            bool first = i == 0;
            pair.Loop.Invoke(() =>
            {
                pair.Activate(receiveQueue, transmitQueue, settings);
                if (first)
                {
                    pair.TryStart();
                }
            });
        }
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _transport = null;
        _usedPairs = 1;
        _pairs[0].Loop.Invoke(_control.Deactivate);
        for (int i = _pairs.Length - 1; i >= 0; i--)
        {
            NetworkQueuePairHandler pair = _pairs[i];
            bool first = i == 0;
            pair.Loop.Invoke(() =>
            {
                pair.Deactivate();
                if (!first)
                {
                    pair.Detach();
                }
            });
        }

        _backend.SetReceiveOffloads(NetworkOffloads.None);
        _configuration.Address = _options.Address;
        ((INetworkControl)this).Filter = new ReceiveFilter { Own = _options.Address };
        _controlIndex = 2 * _pairs.Length;
    }

    /// <inheritdoc/>
    public void ProcessQueue(int index)
    {
        if (index == _controlIndex)
        {
            _control.Process();
        }
        else if (index > _controlIndex)
        {
            // A driver without the multi-queue feature has no such queue.
        }
        else if (index % 2 == 0)
        {
            _pairs[index / 2].ReceiveKicked();
        }
        else
        {
            _pairs[index / 2].TransmitKicked();
        }
    }

    void INetworkControl.SetAddress(MacAddress address)
    {
        _configuration.Address = address;
        ((INetworkControl)this).Filter = _filter with { Own = address };
    }

    bool INetworkControl.TrySetQueuePairs(int count)
    {
        if (count < 1 || count > _pairs.Length)
        {
            return false;
        }

        bool done = UsePairs(count);
        if (done)
        {
            _usedPairs = count;
        }
        else
        {
            UsePairs(_usedPairs);
        }

        return done;
    }

    void INetworkControl.SetGuestOffloads(ulong features) =>
        _backend.SetReceiveOffloads(NetworkFeatures.ReceiveOffloads(features));

    /// <summary>Stops moving frames and frees the memory for it. Before the back end and the loops are disposed.</summary>
    public void Dispose()
    {
        Reset();
        foreach (NetworkQueuePairHandler pair in _pairs)
        {
            pair.Loop.Invoke(pair.Dispose);
        }
    }

    private bool UsePairs(int count)
    {
        bool done = true;
        for (int i = 1; i < _pairs.Length; i++)
        {
            NetworkQueuePairHandler pair = _pairs[i];
            bool wanted = i < count;

            // Other loops never wait for this one, which may therefore wait for them.
            pair.Loop.Invoke(() =>
            {
                if (wanted)
                {
                    done &= pair.TryStart();
                }
                else
                {
                    pair.Stop();
                    pair.Detach();
                }
            });
        }

        return done;
    }

    private static Virtqueue? QueueAt(VirtioActivation activation, int index) =>
        index < activation.Queues.Count ? activation.Queues[index] : null;

    private static void Check(VirtioNetworkOptions options, int pairs, int loops)
    {
        if (pairs < 1 || loops != pairs)
        {
            throw new ArgumentException($"a network card cannot have {pairs} queue pairs on {loops} loops", nameof(options));
        }

        if (options.QueueSize is < 4 or > ReceiveBuffers.MaximumQueueSize || (options.QueueSize & (options.QueueSize - 1)) != 0)
        {
            throw new ArgumentException(
                $"a network card cannot have queues of {options.QueueSize}; ask for a power of two from 4 to {ReceiveBuffers.MaximumQueueSize}",
                nameof(options));
        }

        if (options.Address.IsGroup || options.Address.Value == 0)
        {
            throw new ArgumentException(
                $"{options.Address} cannot be a station's address; use one whose first byte is even, such as 52:54:00:12:34:56",
                nameof(options));
        }
    }

    /// <summary>Bytes of the largest frame that the back end hands over, with both headers.</summary>
    private int LargestFrame(NetworkOffloads receive)
    {
        const int ethernetWithTag = 18;
        const int usual = 1500;
        const NetworkOffloads whole = NetworkOffloads.Tcp4 | NetworkOffloads.Tcp6 | NetworkOffloads.Udp;
        int packet = (receive & whole) != 0 ? 65535 : Math.Max(usual, _backend.TransmissionUnit ?? 65535);
        return NetworkHeader.Size + ethernetWithTag + packet;
    }

    /// <summary>On the loop of the pair that met the end; the first one tells.</summary>
    private void Lost(int errorNumber)
    {
        if (Interlocked.Exchange(ref _lost, 1) == 0)
        {
            _configuration.LinkUp = false;
            _transport?.NotifyConfigurationChanged();
            _diagnostics?.Invoke(_backend.DescribeEnd(errorNumber));
        }
    }
}
