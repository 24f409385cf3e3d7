using System.Text;
using Nacelle.Block;
using Nacelle.Linux;

namespace Nacelle.Devices.Virtio.Block;

/// <summary>How a virtio disk looks to its driver.</summary>
public sealed record VirtioBlockOptions
{
    /// <summary>Request queues, 1 to 64.</summary>
    public int Queues { get; init; } = 1;

    /// <summary>Descriptors of each queue, a power of two from 4 to <see cref="Virtqueue.MaximumSize"/>.</summary>
    public ushort QueueSize { get; init; } = 256;

    /// <summary>Up to 20 ASCII characters that the driver reads as the serial number; null for none.</summary>
    public string? Serial { get; init; }

    /// <summary>The number of queues when none was asked for: one a vCPU, at most four.</summary>
    public static int DefaultQueues(int virtualCpus) => Math.Clamp(virtualCpus, 1, 4);
}

/// <summary>A disk (virtio 1.2, 5.2).</summary>
/// <remarks>
/// Requests live on the loop given, together with the block node beneath; configuration accesses come from vCPU threads
/// and reach the loop by posting. The node is the caller's, who disposes it after the device.
/// </remarks>
public sealed class VirtioBlockDevice : IVirtioDevice, IDisposable
{
    private readonly EventLoop _loop;
    private readonly IBlockNode _node;
    private readonly BlockConfigurationSpace _configuration;
    private readonly BlockQueueHandler[] _handlers;
    private readonly bool _initialWriteCache;
    private volatile bool _cacheIsConfigurable;

    /// <summary>Makes a disk over a block node.</summary>
    /// <param name="node">The node, owned by <paramref name="loop"/>.</param>
    /// <param name="loop">Owns the queues.</param>
    /// <param name="options">What the driver sees.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public VirtioBlockDevice(IBlockNode node, EventLoop loop, VirtioBlockOptions options)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(options);
        Check(options);
        _node = node;
        _loop = loop;
        _initialWriteCache = node.WriteCache;
        _configuration = new BlockConfigurationSpace(node, options.Queues, options.QueueSize - 2);
        QueueSizes = [.. Enumerable.Repeat(options.QueueSize, options.Queues)];
        Features = BlockFeatures.SegmentMaximum | BlockFeatures.BlockSize | BlockFeatures.Topology | BlockFeatures.Flush
            | BlockFeatures.ConfigurableWriteCache
            | (options.Queues > 1 ? BlockFeatures.MultiQueue : 0)
            | (node.IsReadOnly ? BlockFeatures.ReadOnly : BlockFeatures.WriteZeroes)
            | (node.CanDiscard ? BlockFeatures.Discard : 0);
        byte[] identity = new byte[BlockRequestParser.IdentityLength];
        Encoding.ASCII.GetBytes(options.Serial ?? "", identity);
        _handlers = new BlockQueueHandler[options.Queues];
        for (int i = 0; i < options.Queues; i++)
        {
            _handlers[i] = new BlockQueueHandler(loop, node, Metrics, identity);
        }
    }

    /// <summary>What the disk has done.</summary>
    public BlockMetrics Metrics { get; } = new();

    /// <inheritdoc/>
    public VirtioDeviceType Type => VirtioDeviceType.Block;

    /// <inheritdoc/>
    public ulong Features { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ushort> QueueSizes { get; }

    /// <inheritdoc/>
    public uint ConfigurationSize => BlockConfigurationSpace.Size;

    /// <inheritdoc/>
    public EventLoop GetQueueLoop(int index) => _loop;

    /// <inheritdoc/>
    public void ReadConfiguration(uint offset, Span<byte> destination) => _configuration.Read(offset, destination);

    /// <inheritdoc/>
    public void WriteConfiguration(uint offset, ReadOnlySpan<byte> source)
    {
        if (_cacheIsConfigurable && BlockConfigurationSpace.CacheWish(offset, source) is { } wish)
        {
            // A node whose mode makes every write durable stays so, and the driver reads that back.
            bool cache = wish && _initialWriteCache;
            _configuration.WriteCache = cache;
            _loop.Post(() => _node.WriteCache = cache);
        }
    }

    /// <inheritdoc/>
    public void Activate(VirtioActivation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        BlockLimits limits = new(
            (ulong)_node.Length / BlockRequestParser.SectorSize,
            _node.IsReadOnly,
            activation.Has(BlockFeatures.Discard),
            activation.Has(BlockFeatures.WriteZeroes));

        // 5.2.5.2: a driver that took neither flush nor the cache setting never asks for durability and gets it with each write.
        bool canFlush = activation.Has(BlockFeatures.Flush) || activation.Has(BlockFeatures.ConfigurableWriteCache);
        bool cache = canFlush && _configuration.WriteCache;
        _cacheIsConfigurable = activation.Has(BlockFeatures.ConfigurableWriteCache);
        _loop.Invoke(() =>
        {
            _node.WriteCache = cache;
            for (int i = 0; i < _handlers.Length; i++)
            {
                _handlers[i].Activate(i < activation.Queues.Count ? activation.Queues[i] : null, limits);
            }
        });
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _cacheIsConfigurable = false;
        _loop.Invoke(() =>
        {
            foreach (BlockQueueHandler handler in _handlers)
            {
                handler.Deactivate();
            }

            _node.Drain();
            _node.WriteCache = _initialWriteCache;
        });
        _configuration.WriteCache = _initialWriteCache;
    }

    /// <inheritdoc/>
    public void ProcessQueue(int index) => _handlers[index].Process();

    /// <summary>Ends the requests in flight and frees their memory. Before the node and the loop are disposed.</summary>
    public void Dispose()
    {
        Reset();
        _loop.Invoke(() =>
        {
            foreach (BlockQueueHandler handler in _handlers)
            {
                handler.Release();
            }
        });
    }

    private static void Check(VirtioBlockOptions options)
    {
        if (options.Queues is < 1 or > 64)
        {
            throw new ArgumentException($"a disk cannot have {options.Queues} queues; ask for 1 to 64", nameof(options));
        }

        if (options.QueueSize is < 4 or > Virtqueue.MaximumSize || (options.QueueSize & (options.QueueSize - 1)) != 0)
        {
            throw new ArgumentException(
                $"a disk cannot have queues of {options.QueueSize}; ask for a power of two from 4 to {Virtqueue.MaximumSize}",
                nameof(options));
        }

        if (options.Serial is { } serial && (serial.Length > BlockRequestParser.IdentityLength || !Ascii.IsValid(serial)))
        {
            throw new ArgumentException(
                $"'{serial}' cannot be a disk's serial number; use up to {BlockRequestParser.IdentityLength} ASCII characters",
                nameof(options));
        }
    }
}
