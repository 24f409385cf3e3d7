using Nacelle.Linux;

namespace Nacelle.Devices.Virtio.Entropy;

/// <summary>The entropy source (virtio 1.2, 5.4): fills the driver's buffers with the host's random bytes.</summary>
/// <remarks>Its state belongs to the loop's thread; the transport keeps activation and reset apart from processing.</remarks>
/// <param name="loop">The loop that owns the queue.</param>
public sealed class EntropyDevice(EventLoop loop) : IVirtioDevice
{
    /// <summary>The most bytes put into one buffer: a driver cannot keep the loop busy with one request.</summary>
    public const uint MaximumBytes = 65536;

    private readonly DescriptorChain _chain = new();
    private Virtqueue? _queue;

    /// <inheritdoc/>
    public VirtioDeviceType Type => VirtioDeviceType.Entropy;

    /// <inheritdoc/>
    public ulong Features => 0;

    /// <inheritdoc/>
    public IReadOnlyList<ushort> QueueSizes { get; } = [64];

    /// <inheritdoc/>
    public uint ConfigurationSize => 0;

    /// <inheritdoc/>
    public EventLoop GetQueueLoop(int index) => loop;

    /// <inheritdoc/>
    public void ReadConfiguration(uint offset, Span<byte> destination) => destination.Clear();

    /// <inheritdoc/>
    public void WriteConfiguration(uint offset, ReadOnlySpan<byte> source)
    {
    }

    /// <inheritdoc/>
    public void Activate(VirtioActivation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        _queue = activation.Queues[0];
    }

    /// <inheritdoc/>
    public void Reset() => _queue = null;

    /// <inheritdoc/>
    public void ProcessQueue(int index)
    {
        if (_queue is not { } queue)
        {
            return;
        }

        Span<byte> random = stackalloc byte[256];
        do
        {
            queue.DisableNotifications();
            while (queue.TryPop(_chain))
            {
                uint length = (uint)Math.Min(_chain.WritableLength, MaximumBytes);
                for (uint done = 0; done < length; done += 256)
                {
                    Span<byte> part = random[..(int)Math.Min(256, length - done)];
                    HostRandom.Fill(part);
                    _chain.CopyIn(done, part);
                }

                queue.Push(_chain, length);
            }

            queue.NotifyIfNeeded();
        }
        while (queue.EnableNotifications());
    }
}
