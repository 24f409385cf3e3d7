using Nacelle.Memory;

namespace Nacelle.Devices.Virtio;

/// <summary>The device's side of a virtqueue (virtio 1.2, 2.6 to 2.8). Devices see buffers, never a ring.</summary>
/// <remarks>
/// Owned by the thread of the queue's event loop. A rule that the driver breaks sets <see cref="IsBroken"/> and tells the
/// transport; from then on nothing is popped and nothing is pushed.
/// A device drains a queue so: <c>do { queue.DisableNotifications(); while (queue.TryPop(chain)) ... } while
/// (queue.EnableNotifications());</c>
/// </remarks>
public abstract unsafe class Virtqueue
{
    /// <summary>The largest size that this program offers.</summary>
    public const ushort MaximumSize = 1024;

    private protected const ushort NextFlag = 1;
    private protected const ushort WriteFlag = 2;
    private protected const ushort IndirectFlag = 4;
    private protected const uint DescriptorSize = 16;

    private readonly BusMastering? _mastering;
    private readonly Action _interrupt;
    private readonly Action<string> _broken;

    private protected Virtqueue(
        in VirtqueueLayout layout,
        ulong features,
        GuestMemory memory,
        Action interrupt,
        Action<string> broken,
        BusMastering? mastering)
    {
        _mastering = mastering;
        Index = layout.Index;
        Size = layout.Size;
        Memory = memory;
        UsesEventIndex = (features & VirtioFeatures.EventIndex) != 0;
        AllowsIndirect = (features & VirtioFeatures.IndirectDescriptors) != 0;
        _interrupt = interrupt;
        _broken = broken;
    }

    /// <summary>The queue's number in its device.</summary>
    public int Index { get; }

    /// <summary>Descriptors in the ring.</summary>
    public ushort Size { get; }

    /// <summary>Whether the driver broke a rule; only a reset mends it.</summary>
    public bool IsBroken { get; private set; }

    private protected GuestMemory Memory { get; }

    private protected bool UsesEventIndex { get; }

    private protected bool AllowsIndirect { get; }

    /// <summary>Makes a queue in the layout that was negotiated.</summary>
    /// <param name="layout">Where the driver put it.</param>
    /// <param name="features">The negotiated feature bits.</param>
    /// <param name="memory">The guest's RAM.</param>
    /// <param name="interrupt">Interrupts the driver for this queue; called on the owner's thread.</param>
    /// <param name="broken">Takes the rule that the driver broke; called at most once.</param>
    /// <param name="queue">The queue.</param>
    /// <param name="mastering">Whether the device may touch memory at present; null where it always may.</param>
    /// <param name="error">Why there is none.</param>
    /// <returns>False where a ring is misaligned or not in RAM, or its size is not allowed.</returns>
    public static bool TryCreate(
        in VirtqueueLayout layout,
        ulong features,
        GuestMemory memory,
        Action interrupt,
        Action<string> broken,
        out Virtqueue? queue,
        out string? error,
        BusMastering? mastering = null)
    {
        ArgumentNullException.ThrowIfNull(memory);
        bool packed = (features & VirtioFeatures.PackedRing) != 0;
        queue = null;
        if (layout.Size is 0 or > MaximumSize || (!packed && (layout.Size & (layout.Size - 1)) != 0))
        {
            error = $"queue {layout.Index} has {layout.Size} descriptors, which is not allowed";
            return false;
        }

        ulong size = layout.Size;
        ulong driverSize = packed ? 4 : 6 + (2 * size);
        ulong deviceSize = packed ? 4 : 6 + (8 * size);
        ulong driverAlignment = packed ? 4UL : 2UL;
        if (layout.DescriptorArea % 16 != 0 || layout.DriverArea % driverAlignment != 0 || layout.DeviceArea % 4 != 0)
        {
            error = $"queue {layout.Index} has a misaligned ring";
            return false;
        }

        if (!memory.TryGetHostAddress(layout.DescriptorArea, size * DescriptorSize, out byte* descriptors)
            || !memory.TryGetHostAddress(layout.DriverArea, driverSize, out byte* driver)
            || !memory.TryGetHostAddress(layout.DeviceArea, deviceSize, out byte* device))
        {
            error = $"queue {layout.Index} has a ring outside of RAM";
            return false;
        }

        error = null;
        queue = packed
            ? new PackedVirtqueue(layout, features, memory, interrupt, broken, mastering, descriptors, driver, device)
            : new SplitVirtqueue(layout, features, memory, interrupt, broken, mastering, descriptors, driver, device);
        return true;
    }

    /// <summary>Takes the next buffer that the driver made available.</summary>
    /// <returns>False when there is none, or the queue is broken.</returns>
    public bool TryPop(DescriptorChain chain)
    {
        ArgumentNullException.ThrowIfNull(chain);
        chain.Clear();
        return !IsQuiet && TryPopCore(chain);
    }

    /// <summary>Gives a buffer back to the driver. Buffers may come back in any order.</summary>
    /// <param name="chain">From <see cref="TryPop"/>.</param>
    /// <param name="written">Bytes written from the start of the writable part.</param>
    public void Push(DescriptorChain chain, uint written)
    {
        Stage(chain, written);
        Publish();
    }

    /// <summary>
    /// Gives a buffer back like <see cref="Push"/>, but hides it from the driver until <see cref="Publish"/>: buffers that
    /// carry one thing together must become visible together.
    /// </summary>
    /// <param name="chain">From <see cref="TryPop"/>.</param>
    /// <param name="written">Bytes written from the start of the writable part.</param>
    public void Stage(DescriptorChain chain, uint written)
    {
        ArgumentNullException.ThrowIfNull(chain);
        if (IsBroken)
        {
            return;
        }

        // Observers of guest RAM (stale translated code, dirty log) learn of the payload before the driver does.
        ulong remaining = written;
        foreach (ref readonly GuestSegment segment in chain.Writable)
        {
            if (remaining == 0)
            {
                break;
            }

            ulong part = Math.Min(remaining, segment.Length);
            Memory.NotifyWritten(segment.Address, part);
            remaining -= part;
        }

        StageCore(chain, written);
    }

    /// <summary>Shows the driver all staged buffers at once.</summary>
    public void Publish()
    {
        if (!IsBroken)
        {
            PublishCore();
        }
    }

    /// <summary>Interrupts the driver if it wants to hear of the buffers pushed since the last call.</summary>
    public void NotifyIfNeeded()
    {
        if (!IsBroken && TakeNotificationNeeded())
        {
            _interrupt();
        }
    }

    /// <summary>Asks the driver not to kick; a hint that it may ignore.</summary>
    public void DisableNotifications()
    {
        if (!IsQuiet)
        {
            DisableNotificationsCore();
        }
    }

    /// <summary>Asks the driver to kick for the next buffer.</summary>
    /// <returns>Whether a buffer came meanwhile, whose kick may never arrive: go on popping.</returns>
    public bool EnableNotifications() => !IsQuiet && EnableNotificationsCore();

    /// <summary>Stops the queue because the driver broke a rule; devices call it for requests that make no sense.</summary>
    public void Break(string rule)
    {
        if (!IsBroken)
        {
            IsBroken = true;
            _broken($"queue {Index}: {rule}");
        }
    }

    /// <summary>Nothing new is begun: the driver broke a rule, or took the device's access to memory away.</summary>
    private bool IsQuiet => IsBroken || _mastering is { IsAllowed: false };

    private protected abstract void DisableNotificationsCore();

    private protected abstract bool EnableNotificationsCore();

    private protected abstract bool TryPopCore(DescriptorChain chain);

    private protected abstract void StageCore(DescriptorChain chain, uint written);

    private protected abstract void PublishCore();

    private protected abstract bool TakeNotificationNeeded();

    /// <summary>Checks a descriptor's buffer and adds it to a chain; breaks the queue where a rule is broken.</summary>
    private protected bool TryAdd(DescriptorChain chain, ulong address, uint length, ushort flags)
    {
        string? rule;
        if (length == 0)
        {
            rule = "a descriptor has no bytes";
        }
        else if (!Memory.TryGetHostAddress(address, length, out byte* host))
        {
            rule = $"a descriptor's buffer 0x{address:x}+0x{length:x} is not in RAM";
        }
        else
        {
            rule = chain.Add(new(address, (nint)host, length), (flags & WriteFlag) != 0);
        }

        if (rule is not null)
        {
            Break(rule);
        }

        return rule is null;
    }

    /// <summary>Finds an indirect table (2.7.5.3) and its number of entries.</summary>
    private protected bool TryOpenIndirect(ulong address, uint length, out byte* table, out int count)
    {
        table = null;
        count = (int)(length / DescriptorSize);
        string? rule = !AllowsIndirect ? "an indirect descriptor was not negotiated"
            : length == 0 || length % DescriptorSize != 0 ? "an indirect table is not a whole number of descriptors"
            : count > DescriptorChain.MaximumSegments ? "an indirect table has more than 1024 descriptors"
            : !Memory.TryGetHostAddress(address, length, out table) ? "an indirect table is not in RAM"
            : null;
        if (rule is not null)
        {
            Break(rule);
        }

        return rule is null;
    }
}

/// <summary>Where a driver put a queue, as it wrote it into the transport's registers.</summary>
/// <param name="Index">The queue's number.</param>
/// <param name="Size">Descriptors.</param>
/// <param name="DescriptorArea">Guest-physical address of the descriptor table or ring.</param>
/// <param name="DriverArea">Of the available ring or the driver event suppression.</param>
/// <param name="DeviceArea">Of the used ring or the device event suppression.</param>
public readonly record struct VirtqueueLayout(
    int Index, ushort Size, ulong DescriptorArea, ulong DriverArea, ulong DeviceArea);

/// <summary>Bit 2 of a function's command register: whether its device may access memory.</summary>
/// <remarks>Written on vCPU threads, read on queue loops. Requests that were taken before it was cleared are ended.</remarks>
public sealed class BusMastering
{
    private volatile bool _isAllowed = true;

    /// <summary>Whether it may.</summary>
    public bool IsAllowed
    {
        get => _isAllowed;
        set => _isAllowed = value;
    }
}
