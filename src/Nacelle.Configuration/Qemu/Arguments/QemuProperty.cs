using static Nacelle.Configuration.QemuValueKind;

namespace Nacelle.Configuration;

/// <summary>A property of a device of QEMU and the value of domain XML that it stands for.</summary>
/// <param name="Key">QEMU's name.</param>
/// <param name="Path">Elements with slashes between, an attribute after @ at the end.</param>
/// <param name="Kind">How both are written.</param>
internal readonly record struct QemuProperty(string Key, string Path, QemuValueKind Kind = Text);

/// <summary>Properties that many devices of QEMU have. Immutable.</summary>
internal static class QemuProperties
{
    /// <summary>Of virtio devices on PCI.</summary>
    internal static QemuProperty[] Virtio { get; } =
    [
        new("iommu_platform", "driver/@iommu", OnOff), new("ats", "driver/@ats", OnOff), new("packed", "driver/@packed", OnOff),
        new("page-per-vq", "driver/@page_per_vq", OnOff),
    ];

    /// <summary>Of disks on any bus.</summary>
    internal static QemuProperty[] Disk { get; } =
    [
        new("serial", "serial"), new("wwn", "wwn", Hexadecimal), new("vendor", "vendor"), new("product", "product"),
        new("logical_block_size", "blockio/@logical_block_size", Bytes), new("physical_block_size", "blockio/@physical_block_size", Bytes),
        new("cyls", "geometry/@cyls", Number), new("heads", "geometry/@heads", Number), new("secs", "geometry/@secs", Number),
        new("bios-chs-trans", "geometry/@trans"), new("bootindex", "boot/@order", Number), new("rotation_rate", "target/@rotation_rate", Number),
        new("removable", "target/@removable", OnOff), new("werror", "driver/@error_policy"), new("rerror", "driver/@rerror_policy"),
        new("acpi-index", "acpi/@index", Number),
    ];

    /// <summary>Of network cards.</summary>
    internal static QemuProperty[] Card { get; } =
    [
        new("mac", "mac/@address"), new("bootindex", "boot/@order", Number), new("acpi-index", "acpi/@index", Number),
        new("romfile", "rom/@file"), new("rombar", "rom/@bar", OnOff),
    ];

    /// <summary>Of network cards of virtio.</summary>
    internal static QemuProperty[] VirtioCard { get; } =
    [
        new("tx", "driver/@txmode"), new("ioeventfd", "driver/@ioeventfd", OnOff), new("event_idx", "driver/@event_idx", OnOff),
        new("rx_queue_size", "driver/@rx_queue_size", Number), new("tx_queue_size", "driver/@tx_queue_size", Number),
        new("rss", "driver/@rss", OnOff), new("hash", "driver/@rss_hash_report", OnOff), new("host_mtu", "mtu/@size", Number),
        new("csum", "driver/host/@csum", OnOff), new("gso", "driver/host/@gso", OnOff), new("host_tso4", "driver/host/@tso4", OnOff),
        new("host_tso6", "driver/host/@tso6", OnOff), new("host_ecn", "driver/host/@ecn", OnOff), new("host_ufo", "driver/host/@ufo", OnOff),
        new("mrg_rxbuf", "driver/host/@mrg_rxbuf", OnOff), new("guest_csum", "driver/guest/@csum", OnOff),
        new("guest_tso4", "driver/guest/@tso4", OnOff), new("guest_tso6", "driver/guest/@tso6", OnOff),
        new("guest_ecn", "driver/guest/@ecn", OnOff), new("guest_ufo", "driver/guest/@ufo", OnOff),
    ];

    /// <summary>Of display adapters of virtio.</summary>
    internal static QemuProperty[] VirtioVideo { get; } =
    [
        new("max_outputs", "model/@heads", Number), new("xres", "model/resolution/@x", Number), new("yres", "model/resolution/@y", Number),
        new("blob", "model/@blob", OnOff), new("acpi-index", "acpi/@index", Number),
    ];

    /// <summary>Of ports of PCI Express.</summary>
    internal static QemuProperty[] Port { get; } =
    [
        new("chassis", "target/@chassis", Number), new("port", "target/@port", Hexadecimal), new("hotplug", "target/@hotplug", OnOff),
    ];

    /// <summary>Of host bus adapters of virtio-scsi.</summary>
    internal static QemuProperty[] VirtioScsi { get; } =
    [
        new("num_queues", "driver/@queues", Number), new("cmd_per_lun", "driver/@cmd_per_lun", Number),
        new("max_sectors", "driver/@max_sectors", Number), new("ioeventfd", "driver/@ioeventfd", OnOff),
    ];

    /// <summary>Of devices of the host.</summary>
    internal static QemuProperty[] HostDevice { get; } =
    [
        new("bootindex", "boot/@order", Number), new("acpi-index", "acpi/@index", Number), new("romfile", "rom/@file"), new("rombar", "rom/@bar", OnOff),
        new("ramfb", "@ramfb", OnOff), new("display", "@display", OnOff),
    ];

    /// <summary>Of controllers for USB 2.0 and their companions.</summary>
    internal static QemuProperty[] UsbCompanion { get; } = [new("firstport", "master/@startport", Number)];
}
