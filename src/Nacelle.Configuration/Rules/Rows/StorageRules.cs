namespace Nacelle.Configuration;

/// <summary>C2.SCSI, C2.IDE, C2.THROTTLE, C2.IOTHREAD, C2.SNAPSHOT and C2.BLOCKJOB.</summary>
internal static class StorageRules
{
    internal static Rule Scsi { get; } = new()
    {
        Id = "C2.SCSI",
        Title = "SCSI host bus adapters",
        Row = "SCSI emulation is only offered by virtio-scsi; emulated host bus adapters are not supported.",
        Kind = RuleKind.Disabled,
        Subject = RuleSubject.Configuration,
        Explanation = "The package is built without LSI, MegaRAID, MPT Fusion, PVSCSI and ESP. A SCSI controller without a model, and one that libvirt adds "
            + "for a disk, is an LSI 53C895A.",
        Remedy = "Give the controller model='virtio-scsi'.",
        Evaluate = context => ScsiAdapters.Find(context).Select(found => new RuleMatch(
            found.Pointer,
            found.Implicit is string implicitly ? $"{found.Label} without a model, which becomes {implicitly}" : $"{found.Label}, model {found.Model}",
            "the profile has no SCSI host bus adapter but virtio-scsi",
            "give the controller model='virtio-scsi'; the guest then needs the driver virtio_scsi in its initial RAM disk")
        {
            Correct = found.Correct,
            Shown = found.Shown,
        }),
    };

    internal static Rule Ide { get; } = new()
    {
        Id = "C2.IDE",
        Title = "IDE devices",
        Row = "A guest has at most four emulated IDE devices.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "The PIIX3 controller has two channels of two devices; CD-ROM drives count. A second controller is not part of the machine.",
        Remedy = "Move disks to virtio, SCSI or SATA.",
        Evaluate = DrivePlaces.CheckIde,
    };

    internal static Rule Throttle { get; } = new()
    {
        Id = "C2.THROTTLE",
        Title = "limits of a disk's requests",
        Row = "Maximum levels of input and output for virtual disks are not supported.",
        Kind = RuleKind.Support,
        Subject = RuleSubject.Configuration,
        Explanation = "The release's code has limits, and the page does not support them.",
        Remedy = "Take <iotune> out and limit the machine's control group with <blkiotune>.",
        Evaluate = CheckThrottle,
    };

    internal static Rule IoThread { get; } = new()
    {
        Id = "C2.IOTHREAD",
        Title = "I/O threads",
        Row = "Separate threads for virtio disks are not supported.",
        Kind = RuleKind.Absent,
        Subject = RuleSubject.Configuration,
        Explanation = "In the release's code all disks are served by the main loop.",
        Remedy = "Take out <iothreads>, <iothreadids> and each iothread of a driver.",
        Evaluate = CheckIoThreads,
    };

    internal static Rule Snapshot { get; } = new()
    {
        Id = "C2.SNAPSHOT",
        Title = "live snapshots",
        Row = "The backup and restore API does not support live snapshots.",
        Kind = RuleKind.Disabled,
        Subject = RuleSubject.Operation,
        Explanation = "The package is built without the commands for snapshots of a running guest.",
        Remedy = "Shut the guest down and take the snapshot then.",
        Evaluate = context => context.Operations.Contains(MachineOperation.Snapshot)
            ? [new RuleMatch("", "a snapshot while the guest runs", "the profile has no live snapshots", "shut the guest down first, or snapshot the storage below")]
            : [],
    };

    internal static Rule BlockJob { get; } = new()
    {
        Id = "C2.BLOCKJOB",
        Title = "block jobs",
        Row = "Streaming, mirroring and live-merge are not supported, which prevents block jobs.",
        Kind = RuleKind.Disabled,
        Subject = RuleSubject.Operation,
        Explanation = "The package is built without the commands for block jobs.",
        Remedy = "Shut the guest down and use image tools.",
        Evaluate = context => context.Operations.Contains(MachineOperation.BlockJob)
            ? [new RuleMatch("", "a block job while the guest runs", "the profile has no streaming, mirroring, commit or backup",
                "shut the guest down and change the image then")]
            : [],
    };

    private static IEnumerable<RuleMatch> CheckThrottle(RuleContext context)
    {
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            bool limited = disk.Throttle is { } throttle && ThrottleLimits.Given(throttle).Any();
            if (limited || disk.ThrottleFilters.Length != 0)
            {
                string pointer = ConfigurationChange.Pointer("disks", index);
                yield return new RuleMatch(
                    limited ? $"{pointer}/throttle" : $"{pointer}/throttleFilters", $"limits of disk {disk.TargetName}", "the profile does not support limits of a disk's requests",
                    "take <iotune> out; <blkiotune> limits the whole machine")
                {
                    Correct = Correction.OfItem(MachineLists.Disks, index, old => old with { Throttle = null, ThrottleFilters = [] }),
                    Shown = pointer,
                };
            }
        }

        if (context.Machine.ThrottleGroups.Length != 0)
        {
            yield return new RuleMatch(
                "/throttleGroups", "groups of limits for disks", "the profile does not support limits of a disk's requests", "take <throttlegroups> and each <throttlefilters> out")
            {
                Correct = Correction.Of(WithoutThrottleGroups),
                Shown = "",
            };
        }

        if (context.Operations.Contains(MachineOperation.Throttle))
        {
            yield return new RuleMatch(
                "", "limiting a disk while the guest runs", "the profile does not support limits of a disk's requests",
                "limit the machine's control group");
        }
    }

    private static IEnumerable<RuleMatch> CheckIoThreads(RuleContext context)
    {
        const string reason = "the profile has no separate threads for virtio disks";
        MachineConfiguration machine = context.Machine;
        int count = Math.Max(machine.IoThreads ?? 0, machine.IoThreadIds.Length);
        if (count > 0)
        {
            // As libvirt does: as many as are listed where more are listed than counted.
            yield return new RuleMatch(
                machine.IoThreads > 0 || machine.IoThreadIds.Length == 0 ? "/ioThreads" : "/ioThreadIds", count == 1 ? "an I/O thread" : $"{count} I/O threads", reason, "leave them out")
            {
                Correct = Correction.Of(WithoutIoThreads),
                Shown = "",
            };
        }

        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            if (disk.Driver is { IoThread: int thread })
            {
                yield return Used(ConfigurationChange.Pointer("disks", index), $"I/O thread {thread} for disk {disk.TargetName}");
            }
            else if (disk.Driver is { IoThreads.Length: > 0 })
            {
                yield return Used(ConfigurationChange.Pointer("disks", index), $"I/O threads for disk {disk.TargetName}");
            }
        }

        foreach ((int index, ControllerConfiguration controller) in context.Devices.Controllers.Indexed())
        {
            if (controller.Driver is { IoThread: int thread })
            {
                yield return Used(ConfigurationChange.Pointer("controllers", index), $"I/O thread {thread} for {MachineDevices.NameOf(controller)}");
            }
            else if (controller.Driver is { IoThreads.Length: > 0 })
            {
                yield return Used(ConfigurationChange.Pointer("controllers", index), $"I/O threads for {MachineDevices.NameOf(controller)}");
            }
        }

        if (context.Operations.Contains(MachineOperation.PlugIoThread))
        {
            yield return new RuleMatch("", "adding or taking away an I/O thread", reason, "let the main loop serve all disks");
        }

        RuleMatch Used(string pointer, string asked) => new($"{pointer}/driver", asked, reason, "take the iothread out of the driver")
        {
            Correct = Correction.Of(WithoutIoThreads),
            Shown = pointer,
        };
    }

    private static MachineConfiguration WithoutThrottleGroups(MachineConfiguration machine) => machine.WithDevices(devices => devices with
    {
        Disks = [.. devices.Disks.Select(disk => disk.ThrottleFilters.Length == 0 ? disk : disk with { ThrottleFilters = [] })],
    }) with
    {
        ThrottleGroups = [],
    };

    /// <summary>Threads and who uses them go together: one without the other is no machine.</summary>
    private static MachineConfiguration WithoutIoThreads(MachineConfiguration machine) => machine.WithDevices(devices => devices with
    {
        Disks = [.. devices.Disks.Select(disk => disk.Driver is null ? disk : disk with { Driver = disk.Driver with { IoThread = null, IoThreads = [] } })],
        Controllers =
        [
            .. devices.Controllers.Select(controller =>
                controller.Driver is null ? controller : controller with { Driver = controller.Driver with { IoThread = null, IoThreads = [] } }),
        ],
    }) with
    {
        IoThreads = null,
        IoThreadIds = [],
        DefaultIoThread = null,
        CpuTuning = machine.CpuTuning is null ? null : machine.CpuTuning with { IoThreadPins = [], IoThreadSchedules = [] },
    };
}
