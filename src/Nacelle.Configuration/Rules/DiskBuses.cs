namespace Nacelle.Configuration;

/// <summary>What bus a disk is on where the configuration leaves that to its name. Stateless.</summary>
internal static class DiskBuses
{
    /// <summary>The disk's bus, by libvirt's meaning of names such as vda.</summary>
    internal static DiskBus Of(DiskConfiguration disk) => disk.Bus
        ?? (disk.Device == "floppy" ? DiskBus.Fdc
        : disk.TargetName switch
        {
            ['h', 'd', ..] => DiskBus.Ide,
            ['s', 'd', ..] => DiskBus.Scsi,
            ['v', 'd', ..] => DiskBus.Virtio,
            ['f', 'd', ..] => DiskBus.Fdc,
            ['x', 'v', 'd', ..] => DiskBus.Xen,
            ['u', 'b', 'd', ..] => DiskBus.Usb,
            _ => DiskBus.Ide,
        });
}
