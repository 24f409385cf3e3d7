using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>CFG.TARGET-NAME, CFG.IO-THREAD-ID and CFG.THROTTLE.</summary>
internal static class DiskConsistency
{
    internal static Rule TargetName { get; } = new()
    {
        Id = "CFG.TARGET-NAME",
        Title = "names that stand for one device",
        Row = "A disk's name, a controller's number, an alias and a place in the order of booting are given once.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "Two devices of one name cannot be told apart by any operation.",
        Remedy = "Give one of them another name.",
        Evaluate = CheckNames,
    };

    internal static Rule IoThreadId { get; } = new()
    {
        Id = "CFG.IO-THREAD-ID",
        Title = "I/O threads of devices",
        Row = "An I/O thread that serves a device is there, and the device can have one.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "Devices on IDE, SATA and USB are served by the main loop.",
        Remedy = "Define the thread in <iothreads>, or leave it out of the driver.",
        Evaluate = CheckThreads,
    };

    internal static Rule Throttle { get; } = new()
    {
        Id = "CFG.THROTTLE",
        Title = "limits that agree",
        Row = "A limit is of all requests or of reads and writes apart; a burst is above it and has a length.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "Limits that contradict each other have no meaning, and QEMU refuses them when the guest starts.",
        Remedy = "Leave one of the limits out.",
        Evaluate = CheckThrottle,
    };

    private static IEnumerable<RuleMatch> CheckNames(RuleContext context)
    {
        Dictionary<string, (string Label, DeviceConfiguration Device)> aliases = new(StringComparer.Ordinal);
        Dictionary<int, string> orders = [];
        foreach (PlacedDevice device in MachineDevices.All(context.Devices))
        {
            if (device.Device.Alias is string alias && device.Device is not ConsoleConfiguration
                && !aliases.TryAdd(alias, (device.Label, device.Device)) && !AreCompanions(aliases[alias].Device, device.Device))
            {
                yield return new RuleMatch($"{device.Pointer}/alias", $"alias {alias} for {device.Label}", $"it is that of {aliases[alias].Label}", "give another");
            }

            if (device.Device.BootOrder is int order && !orders.TryAdd(order, device.Label))
            {
                yield return new RuleMatch(
                    $"{device.Pointer}/bootOrder", string.Create(CultureInfo.InvariantCulture, $"place {order} in the order of booting for {device.Label}"),
                    $"it is that of {orders[order]}", "give another");
            }
        }

        HashSet<string> targets = new(StringComparer.Ordinal);
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            if (!targets.Add(disk.TargetName))
            {
                yield return new RuleMatch(
                    $"{ConfigurationChange.Pointer("disks", index)}/targetName", $"disk {disk.TargetName} once more", "another disk has that name", "give another");
            }
        }

        Dictionary<(ControllerType, int), ControllerConfiguration> controllers = [];
        HashSet<(int, string?)> companions = [];
        foreach ((int index, ControllerConfiguration controller) in context.Devices.Controllers.Indexed())
        {
            if (controller.Index is int number && !controllers.TryAdd((controller.Type, number), controller)
                && !(AreCompanions(controllers[(controller.Type, number)], controller)
                    && (controller.MasterStartPort is not null || companions.Add((number, controller.Model)))))
            {
                yield return new RuleMatch(
                    ConfigurationChange.Pointer("controllers", index), $"{MachineDevices.NameOf(controller)} once more", "another controller has that number",
                    "give another");
            }
        }
    }

    /// <summary>A USB 2.0 controller of the ICH9 and its companions for slow devices are one to libvirt: one number, one alias.</summary>
    private static bool AreCompanions(DeviceConfiguration one, DeviceConfiguration other) =>
        one is ControllerConfiguration { Type: ControllerType.Usb } first && other is ControllerConfiguration { Type: ControllerType.Usb } second
            && first.Index == second.Index && IsOfIch9(first) && IsOfIch9(second)
            && (first.Model != second.Model || second.MasterStartPort is not null || first.MasterStartPort is not null);

    private static bool IsOfIch9(ControllerConfiguration controller) =>
        controller.MasterStartPort is not null || controller.Model?.StartsWith("ich9-", StringComparison.Ordinal) == true;

    private static IEnumerable<RuleMatch> CheckThreads(RuleContext context)
    {
        MachineConfiguration machine = context.Machine;
        HashSet<int> threads = [.. machine.IoThreadIds.Select(thread => thread.Id)];
        for (int id = 1; threads.Count < machine.IoThreads; id++)
        {
            threads.Add(id);
        }

        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            foreach ((int place, DiskIoThreadConfiguration listed) in disk.Driver?.IoThreads.Indexed() ?? [])
            {
                if (!threads.Contains(listed.Id))
                {
                    yield return new RuleMatch(
                        $"{ConfigurationChange.Pointer("disks", index)}/driver/ioThreads/{place}", Say($"I/O thread {listed.Id} for disk {disk.TargetName}"),
                        "there is no such thread", Say($"define it: <iothreads>{listed.Id}</iothreads>"));
                }
            }

            if (disk.Driver?.IoThread is not int thread)
            {
                continue;
            }

            string pointer = $"{ConfigurationChange.Pointer("disks", index)}/driver/ioThread";
            DiskBus bus = DiskBuses.Of(disk);
            if (bus is not (DiskBus.Virtio or DiskBus.Scsi))
            {
                yield return new RuleMatch(
                    pointer, Say($"I/O thread {thread} for disk {disk.TargetName}"), $"devices on bus {ConfigurationWords.DiskBus.Format(bus)} are served by the main loop",
                    "leave it out");
            }
            else if (!threads.Contains(thread))
            {
                yield return new RuleMatch(
                    pointer, Say($"I/O thread {thread} for disk {disk.TargetName}"), "there is no such thread", Say($"define it: <iothreads>{thread}</iothreads>"));
            }
        }

        foreach ((int index, ControllerConfiguration controller) in context.Devices.Controllers.Indexed())
        {
            if (controller.Driver?.IoThread is int thread && !threads.Contains(thread))
            {
                yield return new RuleMatch(
                    $"{ConfigurationChange.Pointer("controllers", index)}/driver/ioThread", Say($"I/O thread {thread} for {MachineDevices.NameOf(controller)}"),
                    "there is no such thread", Say($"define it: <iothreads>{thread}</iothreads>"));
            }
        }
    }

    private static IEnumerable<RuleMatch> CheckThrottle(RuleContext context)
    {
        HashSet<string?> groups = [.. context.Machine.ThrottleGroups.Select(group => group.Group)];
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            foreach ((int place, ThrottleFilterConfiguration filter) in disk.ThrottleFilters.Indexed())
            {
                if (!groups.Contains(filter.Group))
                {
                    yield return new RuleMatch(
                        $"{ConfigurationChange.Pointer("disks", index)}/throttleFilters/{place}", $"group '{filter.Group}' of limits for disk {disk.TargetName}",
                        "there is no such group", "define it in <throttlegroups>");
                }
            }

            if (disk.Throttle is not { } throttle)
            {
                continue;
            }

            string pointer = $"{ConfigurationChange.Pointer("disks", index)}/throttle";
            ThrottleLimit[] limits = ThrottleLimits.All(throttle);
            for (int i = 0; i < limits.Length; i += 3)
            {
                if (limits[i].Limit > 0 && (limits[i + 1].Limit > 0 || limits[i + 2].Limit > 0))
                {
                    yield return new RuleMatch(
                        $"{pointer}/{limits[limits[i + 1].Limit > 0 ? i + 1 : i + 2].Name}", $"limits of disk {disk.TargetName} for all requests and for reads or writes", "one excludes the other",
                        "leave one out");
                }
            }

            foreach (ThrottleLimit limit in limits)
            {
                if (limit.Maximum > 0 && limit.Limit > limit.Maximum)
                {
                    yield return new RuleMatch(
                        $"{pointer}/{limit.Name}Maximum", Say($"a burst of disk {disk.TargetName} up to {limit.Maximum}"), Say($"the limit itself is {limit.Limit}"),
                        "give a burst above the limit");
                }

                if (limit.Length > 0 && limit.Maximum is null or 0)
                {
                    yield return new RuleMatch(
                        $"{pointer}/{limit.Name}Length", Say($"a burst of disk {disk.TargetName} for {limit.Length} s"), "there is no burst that could last",
                        "give the burst, or leave its length out");
                }
            }
        }
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
