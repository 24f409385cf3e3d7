using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>A SCSI host bus adapter that is not virtio-scsi.</summary>
/// <param name="Pointer">The controller; where there is none, the first device that refers to it.</param>
/// <param name="Label">What it is called.</param>
/// <param name="Model">Its model; null where none is given.</param>
/// <param name="Implicit">The model that libvirt takes where none is given; null where one is.</param>
/// <param name="Correct">Makes it virtio-scsi.</param>
/// <param name="Shown">What is shown corrected.</param>
internal sealed record ScsiAdapter(
    string Pointer, string Label, string? Model, string? Implicit, Correction Correct, string Shown);

/// <summary>Finds SCSI host bus adapters that are not virtio-scsi, those that libvirt adds included. Stateless.</summary>
internal static class ScsiAdapters
{
    /// <summary>What libvirt makes of a SCSI controller without a model on x86.</summary>
    private const string ImplicitModel = "lsilogic";

    private const string Paravirtual = "virtio-scsi";

    internal static IEnumerable<ScsiAdapter> Find(RuleContext context)
    {
        HashSet<int> present = [];
        int next = 0;
        foreach ((int index, ControllerConfiguration controller) in context.Devices.Controllers.Indexed())
        {
            if (controller.Type != ControllerType.Scsi)
            {
                continue;
            }

            int number = controller.Index ?? next;
            next = Math.Max(next, number + 1);
            present.Add(number);
            if (controller.Model is "virtio-scsi" or "virtio-transitional" or "virtio-non-transitional")
            {
                continue;
            }

            bool isImplicit = controller.Model is null or "auto";
            string pointer = ConfigurationChange.Pointer("controllers", index);
            yield return new ScsiAdapter(
                pointer,
                string.Create(CultureInfo.InvariantCulture, $"SCSI controller {number}"),
                controller.Model,
                isImplicit ? ImplicitModel : null,
                Correction.OfItem(MachineLists.Controllers, index, old => old with { Model = Paravirtual }),
                pointer);
        }

        foreach ((int number, string pointer, string label) in References(context).Where(item => !present.Contains(item.Number)).DistinctBy(item => item.Number))
        {
            yield return new ScsiAdapter(
                pointer,
                string.Create(CultureInfo.InvariantCulture, $"{label} on SCSI controller {number}, which libvirt adds"),
                null,
                ImplicitModel,
                Correction.Added(MachineLists.Controllers, new ControllerConfiguration { Type = ControllerType.Scsi, Index = number, Model = Paravirtual }),
                ConfigurationChange.Pointer("controllers", context.Devices.Controllers.Length));
        }
    }

    private static IEnumerable<(int Number, string Pointer, string Label)> References(RuleContext context)
    {
        const int unitsOfController = 7;
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            if (DiskBuses.Of(disk) == DiskBus.Scsi)
            {
                // Without an address the place follows from the name: seven units a controller, as libvirt counts.
                int number = disk.Address?.Controller ?? (DiskNames.IndexOf(disk.TargetName) ?? 0) / unitsOfController;
                yield return (number, ConfigurationChange.Pointer("disks", index), $"disk {disk.TargetName}");
            }
        }

        foreach ((int index, HostDeviceConfiguration device) in context.Devices.HostDevices.Indexed())
        {
            if (device.Type == HostDeviceType.Scsi)
            {
                yield return (device.Address?.Controller ?? 0, ConfigurationChange.Pointer("hostDevices", index), MachineDevices.NameOf(device));
            }
        }
    }
}
