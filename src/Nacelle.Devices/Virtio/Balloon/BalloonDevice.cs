using System.Buffers.Binary;
using System.Collections.Immutable;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Devices.Virtio.Balloon;

/// <summary>The traditional memory balloon (virtio 1.2, 5.5): pages that the guest gives up go back to the host.</summary>
/// <remarks>
/// Queues belong to the loop's thread; the two sizes are atomics. The statistics buffer of the driver is held until
/// <see cref="RequestStatistics"/> wants new figures.
/// </remarks>
/// <param name="loop">The loop that owns the queues.</param>
public sealed unsafe class BalloonDevice(EventLoop loop) : IVirtioDevice
{
    private const ulong StatisticsFeature = 1 << 1;
    private const ulong DeflateWhenOutOfMemory = 1 << 2;
    private const int InflateQueue = 0;
    private const int DeflateQueue = 1;
    private const int PageShift = 12;
    private const int PagesAtOnce = 256;
    private const int StatisticSize = 10;
    private const int MaximumStatistics = 32;
    private readonly DescriptorChain _chain = new();
    private readonly DescriptorChain _statisticsChain = new();
    private bool _holdsStatistics;
    private VirtioActivation? _activation;
    private uint _targetPages;
    private uint _actualPages;
    private volatile IVirtioTransport? _transport;

    /// <summary>Raised on the loop's thread when the guest reported new figures.</summary>
    public event Action<ImmutableArray<BalloonStatistic>>? StatisticsReported;

    /// <inheritdoc/>
    public VirtioDeviceType Type => VirtioDeviceType.Balloon;

    /// <inheritdoc/>
    public ulong Features => StatisticsFeature | DeflateWhenOutOfMemory;

    /// <inheritdoc/>
    public IReadOnlyList<ushort> QueueSizes { get; } = [128, 128, 64];

    /// <inheritdoc/>
    public uint ConfigurationSize => 8;

    /// <summary>Bytes that the guest says it gave up.</summary>
    public ulong ActualBytes => (ulong)Volatile.Read(ref _actualPages) << PageShift;

    /// <inheritdoc/>
    public EventLoop GetQueueLoop(int index) => loop;

    /// <summary>Asks the guest to give up this much. Any thread.</summary>
    /// <param name="bytes">Rounded down to whole pages of 4 KiB.</param>
    public void SetTarget(ulong bytes)
    {
        Volatile.Write(ref _targetPages, (uint)Math.Min(bytes >> PageShift, uint.MaxValue));
        _transport?.NotifyConfigurationChanged();
    }

    /// <summary>Asks the guest for new figures; <see cref="StatisticsReported"/> follows if its driver has them. Any thread.</summary>
    public void RequestStatistics() => loop.Post(() =>
    {
        if (_holdsStatistics && _activation?.Queues[2] is { } queue)
        {
            _holdsStatistics = false;
            queue.Push(_statisticsChain, 0);
            queue.NotifyIfNeeded();
        }
    });

    /// <inheritdoc/>
    public void ReadConfiguration(uint offset, Span<byte> destination)
    {
        Span<byte> image = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(image, Volatile.Read(ref _targetPages));
        BinaryPrimitives.WriteUInt32LittleEndian(image[4..], Volatile.Read(ref _actualPages));
        image.Slice((int)offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public void WriteConfiguration(uint offset, ReadOnlySpan<byte> source)
    {
        if (offset == 4 && source.Length == 4)
        {
            Volatile.Write(ref _actualPages, BinaryPrimitives.ReadUInt32LittleEndian(source));
        }
    }

    /// <inheritdoc/>
    public void Activate(VirtioActivation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        loop.Invoke(() => _activation = activation);
        _transport = activation.Transport;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _transport = null;
        loop.Invoke(() =>
        {
            _activation = null;
            _holdsStatistics = false;
        });
        Volatile.Write(ref _actualPages, 0);
    }

    /// <inheritdoc/>
    public void ProcessQueue(int index)
    {
        if (_activation is not { } activation || activation.Queues[index] is not { } queue)
        {
            return;
        }

        if (index is not (InflateQueue or DeflateQueue))
        {
            TakeStatistics(queue);
            return;
        }

        do
        {
            queue.DisableNotifications();
            while (queue.TryPop(_chain))
            {
                if (index == InflateQueue)
                {
                    Inflate(activation.Memory);
                }

                // Deflated pages need nothing: the host gives them back on the first touch.
                queue.Push(_chain, 0);
            }

            queue.NotifyIfNeeded();
        }
        while (queue.EnableNotifications());
    }

    /// <summary>Frees the pages that the buffer lists by number; a number outside RAM is passed over.</summary>
    private void Inflate(GuestMemory memory)
    {
        Span<byte> numbers = stackalloc byte[4 * PagesAtOnce];

        // No driver lists more than the pages of RAM at once; a longer list is not looked at any further.
        ulong end = Math.Min(_chain.ReadableLength & ~3UL, 1 << 20);
        for (ulong done = 0; done < end;)
        {
            int part = _chain.CopyOut(done, numbers[..(int)Math.Min((ulong)numbers.Length, end - done)]);
            for (int i = 0; i + 4 <= part; i += 4)
            {
                ulong address = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(numbers[i..]) << PageShift;
                if (memory.TryGetHostAddress(address, 1UL << PageShift, out byte* host)
                    && FileHole.TryPunch(memory.FileDescriptor, (ulong)(host - memory.HostAddress), 1UL << PageShift))
                {
                    memory.NotifyWritten(address, 1UL << PageShift);
                }
            }

            done += (ulong)part;
        }
    }

    private void TakeStatistics(Virtqueue queue)
    {
        Span<byte> bytes = stackalloc byte[StatisticSize * MaximumStatistics];
        do
        {
            while (!_holdsStatistics && queue.TryPop(_statisticsChain))
            {
                int length = _statisticsChain.CopyOut(0, bytes);
                ImmutableArray<BalloonStatistic>.Builder figures = ImmutableArray.CreateBuilder<BalloonStatistic>();
                for (int i = 0; i + StatisticSize <= length; i += StatisticSize)
                {
                    figures.Add(new(
                        BinaryPrimitives.ReadUInt16LittleEndian(bytes[i..]),
                        BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i + 2)..])));
                }

                _holdsStatistics = true;
                StatisticsReported?.Invoke(figures.ToImmutable());
            }
        }
        while (queue.EnableNotifications() && !_holdsStatistics);
    }
}

/// <summary>One figure of a guest's memory.</summary>
/// <param name="Tag">Which figure: section 5.5.6.3.</param>
/// <param name="Value">Bytes, or a count.</param>
public readonly record struct BalloonStatistic(ushort Tag, ulong Value);
