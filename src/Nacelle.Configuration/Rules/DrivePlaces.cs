using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>C2.IDE and CFG.DEVICE-PLACE: places on buses other than PCI. Stateless.</summary>
internal static class DrivePlaces
{
    private const int IdePlaces = 4;
    private const int SataPorts = 6;
    private const int NarrowUnits = 7;

    internal static Rule Places { get; } = new()
    {
        Id = "CFG.DEVICE-PLACE",
        Title = "places of drives and ports",
        Row = "A place on a SCSI, SATA, floppy, USB, virtio-serial or CCID bus is there, and has one device.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "libvirt and QEMU refuse two devices at one place, and a place that the controller does not have, when the guest starts.",
        Remedy = "Take another place, or leave <address> out: a free one is then chosen.",
        Evaluate = CheckPlaces,
    };

    /// <summary>Where the IDE devices of a machine are: two channels of two on the one controller of a PIIX3.</summary>
    internal static IEnumerable<RuleMatch> CheckIde(RuleContext context)
    {
        bool express = PciTopology.Of(context.Machine).IsExpress;
        foreach ((int index, ControllerConfiguration controller) in context.Devices.Controllers.Indexed())
        {
            if (controller.Type == ControllerType.Ide && (express || controller.Index > 0))
            {
                yield return new RuleMatch(
                    ConfigurationChange.Pointer("controllers", index), MachineDevices.NameOf(controller),
                    express ? "the board q35 has no IDE controller" : "a second IDE controller is not part of the machine", "leave it out, and move its disks to SATA or virtio");
            }
        }

        Dictionary<DrivePlace, string> taken = [];
        string? holders = null;
        int count = 0;
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed().Where(pair => DiskBuses.Of(pair.Item) == DiskBus.Ide))
        {
            bool given = disk.Address is { Type: DeviceAddressType.Drive };
            DrivePlace place = PlaceOf(disk, DiskBus.Ide);
            count++;
            string? reason = express ? "the board q35 has no IDE controller"
                : !given && count > IdePlaces ? $"the controller has four places, and {holders ??= string.Join(", ", taken.Values)} have them"
                : place.Controller != 0 ? given ? "there is one IDE controller, number 0" : $"the controller has four places, hda to hdd, and {disk.TargetName} would be on a second one"
                : place.Bus > 1 ? Say($"there is no bus {place.Bus}: the controller has two, 0 and 1")
                : place.Unit > 1 ? Say($"there is no unit {place.Unit}: a bus has two, 0 and 1")
                : place.Target != 0 ? "IDE devices have no target but 0"
                : taken.TryGetValue(place, out string? holder) ? $"its place is taken by {holder}"
                : null;
            if (reason is null)
            {
                taken.Add(place, disk.TargetName);
                continue;
            }

            yield return new RuleMatch(
                ConfigurationChange.Pointer("disks", index), $"IDE device {disk.TargetName}", reason,
                disk.Device == "cdrom" ? "move it to SATA or SCSI" : "move it to virtio, SATA or SCSI");
        }
    }

    private static IEnumerable<RuleMatch> CheckPlaces(RuleContext context)
    {
        Dictionary<DrivePlace, string> taken = [];
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            DiskBus bus = DiskBuses.Of(disk);
            if (bus is DiskBus.Sata or DiskBus.Scsi or DiskBus.Fdc && Judge(context, taken, disk, bus, $"disk {disk.TargetName}", PlaceOf(disk, bus)) is string reason)
            {
                yield return Match(ConfigurationChange.Pointer("disks", index), $"disk {disk.TargetName} on {ConfigurationWords.DiskBus.Format(bus)}", reason, disk.Address is not null);
            }
        }

        foreach ((int index, HostDeviceConfiguration device) in context.Devices.HostDevices.Indexed())
        {
            if (device is { Type: HostDeviceType.Scsi, Address: { Type: DeviceAddressType.Drive } address }
                && Judge(context, taken, device, DiskBus.Scsi, MachineDevices.NameOf(device), Of(DiskBus.Scsi, address)) is string reason)
            {
                yield return Match(ConfigurationChange.Pointer("hostDevices", index), MachineDevices.NameOf(device), reason, true);
            }
        }

        Dictionary<string, string> ports = new(StringComparer.Ordinal);
        foreach (PlacedDevice device in MachineDevices.All(context.Devices))
        {
            if (PortOf(device.Device) is not string port)
            {
                continue;
            }

            if (!ports.TryAdd(port, device.Label))
            {
                yield return Match(device.Pointer, $"{device.Label} at {port}", $"the place is taken by {ports[port]}", true);
            }
        }
    }

    private static string? Judge(
        RuleContext context, Dictionary<DrivePlace, string> taken, DeviceConfiguration device, DiskBus bus, string label, DrivePlace place)
    {
        bool given = device.Address is { Type: DeviceAddressType.Drive };
        string? reason = !given ? null
            : bus == DiskBus.Sata && (place.Bus != 0 || place.Target != 0) ? "SATA has bus 0 and target 0 alone"
            : bus == DiskBus.Sata && place.Unit >= SataPorts ? Say($"there is no port {place.Unit}: a controller has six, 0 to 5")
            : bus == DiskBus.Fdc && (place.Controller != 0 || place.Bus != 0 || place.Target != 0) ? "there is one floppy controller, with bus 0 and target 0"
            : bus == DiskBus.Fdc && place.Unit > 1 ? Say($"there is no drive {place.Unit}: the controller has two, 0 and 1")
            : bus == DiskBus.Scsi ? JudgeScsi(context, place)
            : null;
        return reason ?? (taken.TryAdd(place, label) ? null : $"its place is taken by {taken[place]}");
    }

    /// <summary>What adapters have: virtio 1.2, 5.6.6.1 for virtio-scsi; one target with a unit each place of a narrow bus for LSI's.</summary>
    private static string? JudgeScsi(RuleContext context, DrivePlace place)
    {
        string? model = context.Devices.Controllers
            .FirstOrDefault(controller => controller.Type == ControllerType.Scsi && (controller.Index ?? 0) == place.Controller)?.Model;
        bool literal = context.Document.Form == MachineDocumentForm.QemuArguments;
        const int targets = 256;
        const int units = 16384;
        return place.Bus != 0 ? "a SCSI adapter has bus 0 alone"
            : literal ? null
            : model is null or "auto" or "lsilogic" && place.Target != 0 ? "an LSI adapter has target 0 alone to libvirt"
            : model is null or "auto" or "lsilogic" && place.Unit > NarrowUnits ? Say($"there is no unit {place.Unit}: an LSI adapter has those up to {NarrowUnits}")
            : place.Target >= targets ? Say($"there is no target {place.Target}: an adapter has those up to {targets - 1}")
            : place.Unit >= units ? Say($"there is no unit {place.Unit}: a target has those up to {units - 1}")
            : null;
    }

    private static string? PortOf(DeviceConfiguration device) => device.Address switch
    {
        { Type: DeviceAddressType.Usb, Port: string port } address => Say($"USB bus {address.Bus ?? 0}, port {port}"),
        { Type: DeviceAddressType.VirtioSerial } address when address.Port is not null => Say($"virtio-serial controller {address.Controller ?? 0}, bus {address.Bus ?? 0}, port {address.Port}"),
        { Type: DeviceAddressType.Ccid, Slot: ulong slot } address => Say($"CCID controller {address.Controller ?? 0}, slot {slot}"),
        _ => null,
    };

    /// <summary>The place that is given, or the one that libvirt takes by the name: hdc is the third of IDE.</summary>
    private static DrivePlace PlaceOf(DiskConfiguration disk, DiskBus bus)
    {
        if (disk.Address is { Type: DeviceAddressType.Drive } address)
        {
            return Of(bus, address);
        }

        int index = DiskNames.IndexOf(disk.TargetName) ?? 0;
        return bus switch
        {
            DiskBus.Ide => new DrivePlace(bus, index / IdePlaces, (ulong)(index % IdePlaces / 2), 0, index % 2),
            DiskBus.Sata => new DrivePlace(bus, index / SataPorts, 0, 0, index % SataPorts),
            DiskBus.Scsi => new DrivePlace(bus, index / NarrowUnits, 0, 0, index % NarrowUnits),
            _ => new DrivePlace(bus, index / 2, 0, 0, index % 2),
        };
    }

    private static DrivePlace Of(DiskBus bus, DeviceAddress address) =>
        new(bus, address.Controller ?? 0, address.Bus ?? 0, address.Target ?? 0, address.Unit ?? 0);

    private static RuleMatch Match(string pointer, string asked, string reason, bool given) => new(
        given ? $"{pointer}/address" : pointer, asked, reason, "take another place, or leave <address> out: one is chosen then")
    {
        Shown = pointer,
    };

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private readonly record struct DrivePlace(DiskBus Kind, int Controller, ulong Bus, int Target, int Unit);
}
