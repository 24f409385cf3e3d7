namespace Nacelle.Configuration;

/// <summary>CFG.SOURCE and CFG.DISK-DRIVER.</summary>
internal static class SourceConsistency
{
    internal static Rule Sources { get; } = new()
    {
        Id = "CFG.SOURCE",
        Title = "sources of devices",
        Row = "A device that stands for something of the host says what.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "Only drives for removable media can be empty.",
        Remedy = "Name the file, device, bridge or address that the type asks for.",
        Evaluate = Check,
    };

    internal static Rule Driver { get; } = new()
    {
        Id = "CFG.DISK-DRIVER",
        Title = "ways of disk requests",
        Row = "Native asynchronous I/O of Linux needs O_DIRECT.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "Requests through the page cache would block in io_submit(2), so that QEMU refuses io='native' with such a cache mode.",
        Remedy = "Give cache='none' or cache='directsync', or io='threads'.",
        Evaluate = context => context.Devices.Disks.Indexed()
            .Where(pair => pair.Item.Driver is { Io: "native", Cache: not (DiskCache.None or DiskCache.DirectSync) })
            .Select(pair => new RuleMatch(
                $"{ConfigurationChange.Pointer("disks", pair.Index)}/driver/io", $"io='native' for disk {pair.Item.TargetName}",
                "it needs O_DIRECT, and the cache mode goes through the host's page cache", "give cache='none' or io='threads'")
            {
                Correct = Correction.OfItem(MachineLists.Disks, pair.Index, old => old with { Driver = old.Driver! with { Cache = DiskCache.None } }),
                Shown = ConfigurationChange.Pointer("disks", pair.Index),
            }),
    };

    private static IEnumerable<RuleMatch> Check(RuleContext context) =>
    [
        .. context.Devices.Disks.Indexed().SelectMany(pair => Disk(pair.Item, ConfigurationChange.Pointer("disks", pair.Index), context)),
        .. context.Devices.Interfaces.Indexed().SelectMany(pair => Interface(pair.Item, ConfigurationChange.Pointer("interfaces", pair.Index))),
        .. context.Devices.HostDevices.Indexed().SelectMany(pair => HostDevice(pair.Item, ConfigurationChange.Pointer("hostDevices", pair.Index))),
    ];

    private static IEnumerable<RuleMatch> Disk(DiskConfiguration disk, string pointer, RuleContext context)
    {
        if (disk.TargetName.Length == 0)
        {
            yield return new RuleMatch(pointer, "a disk without a name", "operations and boot order need one", "give <target dev='…'/>");
        }

        if (disk.Device is "cdrom" or "floppy")
        {
            yield break;
        }

        StorageSourceConfiguration? source = disk.Source;
        (string? given, string attribute) = (disk.Type ?? StorageType.File) switch
        {
            StorageType.File => (source?.File, "file"),
            StorageType.Block => (source?.Device, "dev"),
            StorageType.Directory => (source?.Directory, "dir"),
            StorageType.Network => (source?.Protocol, "protocol"),
            StorageType.Volume => (source?.Volume, "volume"),
            StorageType.VhostUser => (source?.Path, "path"),
            StorageType.VhostVdpa => (source?.Device, "dev"),
            _ => (source?.Type, "type"),
        };
        if (given is null)
        {
            yield return new RuleMatch(
                source is null ? pointer : $"{pointer}/source", $"disk {disk.TargetName} without a source",
                $"its type is {ConfigurationWords.StorageType.Format(disk.Type ?? StorageType.File)}, which needs <source {attribute}='…'/>", "give it");
        }
        else if (attribute is "file" or "dir" && context.Document.Form == MachineDocumentForm.DomainXml && !given.StartsWith('/'))
        {
            yield return new RuleMatch(
                $"{pointer}/source/{(attribute == "file" ? "file" : "directory")}", $"disk {disk.TargetName} in '{given}'",
                "the path is not absolute, and nobody knows what it begins at", "give an absolute path");
        }
    }

    private static IEnumerable<RuleMatch> Interface(InterfaceConfiguration network, string pointer)
    {
        InterfaceSourceConfiguration? source = network.Source;
        (object? given, string attribute) = network.Type switch
        {
            InterfaceType.Network => (source?.Network, "network"),
            InterfaceType.Bridge => (source?.Bridge, "bridge"),
            InterfaceType.Direct => (source?.Device, "dev"),
            InterfaceType.HostDevice => (source?.HostDevice, "address"),
            InterfaceType.VhostUser => (source?.Path, "path"),
            InterfaceType.Vdpa => (source?.Device, "dev"),
            _ => ((object?)network, ""),
        };
        if (given is null)
        {
            yield return new RuleMatch(
                source is null ? pointer : $"{pointer}/source", $"a network interface of type {ConfigurationWords.InterfaceType.Format(network.Type)} without a source",
                $"the type needs <source> with {attribute}", "give it");
        }
    }

    private static IEnumerable<RuleMatch> HostDevice(HostDeviceConfiguration device, string pointer)
    {
        HostDeviceSourceConfiguration? source = device.Source;
        bool given = device.Type switch
        {
            HostDeviceType.Pci => source is { Bus: not null, Slot: not null },
            HostDeviceType.Usb => source is { Vendor: not null, Product: not null } or { Bus: not null, Device: not null } or { Bus: not null, Port: not null },
            HostDeviceType.Mediated => source?.Uuid is not null,
            _ => source is not null,
        };
        if (!given)
        {
            yield return new RuleMatch(
                source is null ? pointer : $"{pointer}/source", MachineDevices.NameOf(device), "nothing says which device of the host is meant", "give its <address> in <source>");
        }
    }
}
