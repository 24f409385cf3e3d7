using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Devices.Virtio;

/// <summary>A virtio device, whatever transport carries it (virtio 1.2, section 2).</summary>
/// <remarks>
/// <see cref="Activate"/> and the configuration accesses come from vCPU threads, one at a time and under the transport's lock:
/// they must not wait for a guest. <see cref="Reset"/> runs on the loop of the first queue, where it may wait for the host and the other
/// loops; configuration may be read beside it. <see cref="ProcessQueue"/> runs on the queue's loop, never beside
/// <see cref="Activate"/> or <see cref="Reset"/>.
/// </remarks>
public interface IVirtioDevice
{
    /// <summary>What the device is: section 5's device id.</summary>
    VirtioDeviceType Type { get; }

    /// <summary>Feature bits of the device type; the transport adds those of <see cref="VirtioFeatures"/> that it and the queues implement.</summary>
    ulong Features { get; }

    /// <summary>The largest size of each queue, powers of two of at most <see cref="Virtqueue.MaximumSize"/>; the count is that of the queues.</summary>
    IReadOnlyList<ushort> QueueSizes { get; }

    /// <summary>Bytes of the device's configuration space.</summary>
    uint ConfigurationSize { get; }

    /// <summary>The loop whose thread owns a queue.</summary>
    EventLoop GetQueueLoop(int index);

    /// <summary>Reads configuration space; bytes past <see cref="ConfigurationSize"/> never arrive here.</summary>
    void ReadConfiguration(uint offset, Span<byte> destination);

    /// <summary>Writes configuration space; writes to read-only fields have no effect.</summary>
    void WriteConfiguration(uint offset, ReadOnlySpan<byte> source);

    /// <summary>The driver is ready (DRIVER_OK): queues may be used from now on.</summary>
    void Activate(VirtioActivation activation);

    /// <summary>Forgets the queues. When this returns, the device touches neither them nor buffers taken from them.</summary>
    void Reset();

    /// <summary>The driver kicked a queue (or may have: kicks can be spurious). Runs on the queue's loop.</summary>
    void ProcessQueue(int index);
}

/// <summary>What a device uses once its driver is ready.</summary>
/// <param name="Features">The negotiated feature bits.</param>
/// <param name="Queues">One entry a queue; null where the driver did not enable it.</param>
/// <param name="Memory">The guest's RAM.</param>
/// <param name="Transport">The way to the driver outside queues.</param>
public sealed record VirtioActivation(
    ulong Features, IReadOnlyList<Virtqueue?> Queues, GuestMemory Memory, IVirtioTransport Transport)
{
    /// <summary>Whether a feature bit was negotiated.</summary>
    public bool Has(ulong feature) => (Features & feature) == feature;
}

/// <summary>What a device may ask of its transport.</summary>
/// <remarks>Thread safe; never waits.</remarks>
public interface IVirtioTransport
{
    /// <summary>Tells the driver that configuration space changed.</summary>
    void NotifyConfigurationChanged();

    /// <summary>Sets DEVICE_NEEDS_RESET (section 2.1.2): the driver broke the rules and the device stopped.</summary>
    /// <param name="reason">For the log: which rule.</param>
    void RequireReset(string reason);
}

/// <summary>Device ids (virtio 1.2, section 5).</summary>
public enum VirtioDeviceType : ushort
{
    /// <summary>Network card, 5.1.</summary>
    Network = 1,

    /// <summary>Block device, 5.2.</summary>
    Block = 2,

    /// <summary>Console, 5.3.</summary>
    Console = 3,

    /// <summary>Entropy source, 5.4.</summary>
    Entropy = 4,

    /// <summary>Traditional memory balloon, 5.5.</summary>
    Balloon = 5,
}

/// <summary>Feature bits that belong to no device type (virtio 1.2, section 6).</summary>
public static class VirtioFeatures
{
    /// <summary>VIRTIO_F_INDIRECT_DESC.</summary>
    public const ulong IndirectDescriptors = 1UL << 28;

    /// <summary>VIRTIO_F_EVENT_IDX.</summary>
    public const ulong EventIndex = 1UL << 29;

    /// <summary>VIRTIO_F_VERSION_1.</summary>
    public const ulong Version1 = 1UL << 32;

    /// <summary>VIRTIO_F_RING_PACKED.</summary>
    public const ulong PackedRing = 1UL << 34;
}
