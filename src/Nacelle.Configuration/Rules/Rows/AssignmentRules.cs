using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>C2.ASSIGN, and the guide's numbers of devices.</summary>
internal static class AssignmentRules
{
    internal static Rule Assign { get; } = new()
    {
        Id = "C2.ASSIGN",
        Title = "device assignment",
        Row = "An assigned device is hardware of that host: migration, saving and restoring are not supported while it is assigned.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Operation,
        Explanation = "Part of the guest's state is in hardware that stays where it is. Unplugging the device first makes migration and saving possible.",
        Remedy = "Unplug the device, then migrate or save.",
        Evaluate = CheckAssigned,
    };

    internal static Rule AssignLimit { get; } = new()
    {
        Id = "C2.ASSIGN-LIMIT",
        Title = "assigned devices of a guest",
        Row = "The guide's chapter on devices: a guest has at most 32 assigned devices.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Configuration,
        Explanation = "The number that was tested.",
        Remedy = "Give the guest fewer.",
        NeedsLimit = true,
        Evaluate = context => Beyond(context, [.. AssignedDevices.FindPci(context.Devices)], "assigned PCI devices"),
    };

    internal static Rule VirtioLimit { get; } = new()
    {
        Id = "C2.VIRTIO-LIMIT",
        Title = "virtio devices of a guest",
        Row = "The guide's chapter on devices: a guest has at most 216 virtio devices.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Configuration,
        Explanation = "27 slots of the root bus that the board leaves free, with eight functions each.",
        Remedy = "Give the guest fewer, or put disks behind one virtio-scsi controller.",
        NeedsLimit = true,
        Evaluate = context => Beyond(context, [.. MachineDevices.All(context.Devices).Where(device => IsVirtio(device.Device))], "virtio devices"),
    };

    internal static Rule MultifunctionPlug { get; } = new()
    {
        Id = "C2.PCI-HOTPLUG-MF",
        Title = "hot plug of multi-function devices",
        Row = "The guide's chapter on devices: only devices that are alone in their slot are plugged while the guest runs.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Operation,
        Explanation = "A guest is told of a slot, not of a function: functions that are plugged one by one are not seen together.",
        Remedy = "Plug single-function devices, each into a slot of its own.",
        Evaluate = context => context.Operations.Contains(MachineOperation.PlugMultifunction)
            ? [new RuleMatch("", "plugging a device of several functions", "the profile plugs only single-function slots", "give each device a slot of its own")]
            : [],
    };

    private static IEnumerable<RuleMatch> CheckAssigned(RuleContext context)
    {
        string? operation = context.IsMigration ? "migrating"
            : context.Operations.Contains(MachineOperation.Save) ? "saving"
            : null;
        return operation is null ? [] : AssignedDevices.Find(context.Devices).Select(found => new RuleMatch(
            found.Pointer,
            $"{operation} with {found.Label} assigned",
            "part of the guest's state is in hardware that stays on this host",
            found.Device.Alias is string alias ? $"unplug it first: device {alias}" : "unplug it first, and plug one of the other host afterwards"));
    }

    private static IEnumerable<RuleMatch> Beyond(RuleContext context, PlacedDevice[] devices, string what) =>
        context.Setting.Limit is not int limit ? [] : devices
            .OrderBy(device => context.PositionOf(device.Pointer).Line)
            .ThenBy(device => context.PositionOf(device.Pointer).Column)
            .Skip(limit)
            .Select(device => new RuleMatch(
                device.Pointer,
                device.Label,
                string.Create(CultureInfo.InvariantCulture, $"the guest has {devices.Length} {what}, and the profile allows {limit}"),
                "give the guest fewer"));

    private static bool IsVirtio(DeviceConfiguration device) => device switch
    {
        DiskConfiguration disk => DiskBuses.Of(disk) == DiskBus.Virtio,
        ControllerConfiguration controller => controller.Type == ControllerType.VirtioSerial
            || (controller.Type == ControllerType.Scsi && controller.Model is "virtio-scsi" or "virtio-transitional" or "virtio-non-transitional"),
        InterfaceConfiguration network => network.Model is "virtio" or "virtio-transitional" or "virtio-non-transitional",
        FilesystemConfiguration => true,
        InputConfiguration input => input.Bus == "virtio" || input.Type == "passthrough",
        SoundConfiguration sound => sound.Model == "virtio",
        VideoConfiguration video => video.Model == "virtio",
        BalloonConfiguration balloon => balloon.Model.StartsWith("virtio", StringComparison.Ordinal),
        RandomConfiguration or VsockConfiguration => true,
        IommuConfiguration iommu => iommu.Model == "virtio",
        MemoryModuleConfiguration module => module.Model is MemoryModuleModel.VirtioMem or MemoryModuleModel.VirtioPmem,
        _ => false,
    };
}
