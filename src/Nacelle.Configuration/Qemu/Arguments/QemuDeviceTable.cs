using System.Collections.Frozen;
using static Nacelle.Configuration.QemuProperties;
using static Nacelle.Configuration.QemuValueKind;

namespace Nacelle.Configuration;

/// <summary>
/// The devices of QEMU 7.2 that a configuration has a place for. Of several with the same element, the first whose fixed values are
/// the element's is the one that is written. Immutable.
/// </summary>
internal static class QemuDeviceTable
{
    private static readonly FrozenDictionary<string, string> s_aliases = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["virtio-blk"] = "virtio-blk-pci",
        ["virtio-net"] = "virtio-net-pci",
        ["virtio-scsi"] = "virtio-scsi-pci",
        ["virtio-balloon"] = "virtio-balloon-pci",
        ["virtio-rng"] = "virtio-rng-pci",
        ["virtio-serial"] = "virtio-serial-pci",
        ["virtio-9p"] = "virtio-9p-pci",
        ["virtio-gpu"] = "virtio-gpu-pci",
        ["virtio-keyboard"] = "virtio-keyboard-pci",
        ["virtio-mouse"] = "virtio-mouse-pci",
        ["virtio-tablet"] = "virtio-tablet-pci",
        ["virtio-input-host"] = "virtio-input-host-pci",
        ["virtio-iommu"] = "virtio-iommu-pci",
        ["virtio-mem"] = "virtio-mem-pci",
        ["virtio-pmem"] = "virtio-pmem-pci",
        ["vhost-user-blk"] = "vhost-user-blk-pci",
        ["vhost-user-fs"] = "vhost-user-fs-pci",
        ["vhost-vsock"] = "vhost-vsock-pci",
        ["lsi"] = "lsi53c895a",
        ["ich9-ahci"] = "ahci",
        ["e1000-82540em"] = "e1000",
        ["ES1370"] = "es1370",
        ["vhost-scsi"] = "vhost-scsi-pci",
        ["vfio-pci-nohotplug"] = "vfio-pci",
        ["scsi-disk"] = "scsi-hd",
        ["ide-drive"] = "ide-hd",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly QemuProperty[] s_virtioDisk =
    [
        new("num-queues", "driver/@queues", Number), new("queue-size", "driver/@queue_size", Number), new("ioeventfd", "driver/@ioeventfd", OnOff),
        new("event_idx", "driver/@event_idx", OnOff),
    ];

    private static readonly QemuProperty[] s_sound = [new("acpi-index", "acpi/@index", Number)];

    /// <summary>All of them.</summary>
    internal static IReadOnlyList<QemuDevice> All { get; } =
    [
        .. VirtioThree("virtio-blk-pci", "disk", ["@device=disk", "target/@bus=virtio"], Disk, s_virtioDisk),
        .. VirtioThree("vhost-user-blk-pci", "disk", ["@type=vhostuser", "@device=disk", "target/@bus=virtio"], Disk, s_virtioDisk),
        new("scsi-hd", "disk", QemuBus.Scsi, ["@device=disk", "target/@bus=scsi"], Disk),
        new("scsi-cd", "disk", QemuBus.Scsi, ["@device=cdrom", "target/@bus=scsi"], Disk),
        new("scsi-block", "disk", QemuBus.Scsi, ["@device=lun", "target/@bus=scsi"], Disk),
        new("ide-hd", "disk", QemuBus.Ide, ["@device=disk"], Disk),
        new("ide-cd", "disk", QemuBus.Ide, ["@device=cdrom"], Disk),
        new("usb-storage", "disk", QemuBus.Usb, ["@device=disk", "target/@bus=usb"], Disk),
        new("floppy", "disk", QemuBus.Floppy, ["@device=floppy", "target/@bus=fdc"], Disk),

        .. VirtioThree("virtio-scsi-pci", "controller", ["@type=scsi"], VirtioScsi, []),
        .. Controllers("scsi", ("lsi53c895a", "lsilogic"), ("lsi53c810", "lsi53c810"), ("megasas", "lsisas1078"), ("megasas-gen2", "megasas-gen2"),
            ("mptsas1068", "lsisas1068"), ("pvscsi", "vmpvscsi"), ("am53c974", "am53c974"), ("dc390", "dc390")),
        new("ahci", "controller", QemuBus.Pci, ["@type=sata"]),
        new("piix3-ide", "controller", QemuBus.Pci, ["@type=ide", "@model=piix3"]),
        new("piix4-ide", "controller", QemuBus.Pci, ["@type=ide", "@model=piix4"]),
        new("isa-fdc", "controller", QemuBus.Isa, ["@type=fdc"]),
        .. VirtioThree("virtio-serial-pci", "controller", ["@type=virtio-serial"],
            [new("max_ports", "@ports", Number), new("vectors", "@vectors", Number), new("ioeventfd", "driver/@ioeventfd", OnOff)], []),
        new("usb-ccid", "controller", QemuBus.Usb, ["@type=ccid"]),
        .. Controllers("usb", ("piix3-usb-uhci", "piix3-uhci"), ("piix4-usb-uhci", "piix4-uhci"), ("ich9-usb-ehci1", "ich9-ehci1"),
            ("ich9-usb-uhci1", "ich9-uhci1"), ("ich9-usb-uhci2", "ich9-uhci2"), ("ich9-usb-uhci3", "ich9-uhci3"), ("usb-ehci", "ehci"),
            ("vt82c686b-usb-uhci", "vt82c686b-uhci"), ("pci-ohci", "pci-ohci")),
        new("qemu-xhci", "controller", QemuBus.Pci, ["@type=usb", "@model=qemu-xhci"], [new("p2", "@ports", Number)]),
        new("nec-usb-xhci", "controller", QemuBus.Pci, ["@type=usb", "@model=nec-xhci"], [new("p2", "@ports", Number)]),
        new("pcie-root-port", "controller", QemuBus.Pci, ["@type=pci", "@model=pcie-root-port"], Port),
        new("ioh3420", "controller", QemuBus.Pci, ["@type=pci", "@model=pcie-root-port", "model/@name=ioh3420"], Port),
        new("x3130-upstream", "controller", QemuBus.Pci, ["@type=pci", "@model=pcie-switch-upstream-port"]),
        new("xio3130-downstream", "controller", QemuBus.Pci, ["@type=pci", "@model=pcie-switch-downstream-port"], Port),
        new("pci-bridge", "controller", QemuBus.Pci, ["@type=pci", "@model=pci-bridge"], [new("chassis_nr", "target/@chassisNr", Number)]),
        new("pcie-pci-bridge", "controller", QemuBus.Pci, ["@type=pci", "@model=pcie-to-pci-bridge"]),
        new("i82801b11-bridge", "controller", QemuBus.Pci, ["@type=pci", "@model=dmi-to-pci-bridge"]),
        new("pxb", "controller", QemuBus.Pci, ["@type=pci", "@model=pci-expander-bus"], [new("bus_nr", "target/@busNr", Number), new("numa_node", "target/node", Number)]),
        new("pxb-pcie", "controller", QemuBus.Pci, ["@type=pci", "@model=pcie-expander-bus"], [new("bus_nr", "target/@busNr", Number), new("numa_node", "target/node", Number)]),

        .. VirtioThree("virtio-net-pci", "interface", [], Card, VirtioCard),
        .. Cards("e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "vmxnet3", "i82551", "i82557b", "i82559er", "i82550", "i82801", "i82562", "tulip", "igb"),
        new("ne2k_isa", "interface", QemuBus.Isa, ["model/@type=ne2k_isa"], Card),
        new("usb-net", "interface", QemuBus.Usb, ["model/@type=usb-net"], Card),
        .. VirtioThree("virtio-9p-pci", "filesystem", ["@type=mount"], [new("mount_tag", "target/@dir")], []),
        .. VirtioThree("vhost-user-fs-pci", "filesystem", ["@type=mount", "driver/@type=virtiofs"],
            [new("tag", "target/@dir"), new("queue-size", "driver/@queue", Number), new("bootindex", "boot/@order", Number)], []),

        new("isa-serial", "serial", QemuBus.Isa, ["target/@type=isa-serial", "target/model/@name=isa-serial"], [new("index", "target/@port", Number)]),
        new("pci-serial", "serial", QemuBus.Pci, ["target/@type=pci-serial", "target/model/@name=pci-serial"]),
        new("usb-serial", "serial", QemuBus.Usb, ["target/@type=usb-serial", "target/model/@name=usb-serial"]),
        new("isa-debugcon", "serial", QemuBus.Isa, ["target/@type=isa-debug", "target/model/@name=isa-debugcon"]),
        new("isa-parallel", "parallel", QemuBus.Isa, [], [new("index", "target/@port", Number)]),
        new("virtconsole", "console", QemuBus.VirtioSerial, ["target/@type=virtio"]),
        new("virtserialport", "channel", QemuBus.VirtioSerial, ["target/@type=virtio"], [new("name", "target/@name")]),
        new("ccid-card-passthru", "smartcard", QemuBus.SmartCard, ["@mode=passthrough"]),
        new("usb-redir", "redirdev", QemuBus.Usb, ["@bus=usb"], [new("bootindex", "boot/@order", Number)]),

        .. Inputs("usb", QemuBus.Usb, ("usb-tablet", "tablet"), ("usb-mouse", "mouse"), ("usb-kbd", "keyboard")),
        .. Inputs("virtio", QemuBus.Pci, ("virtio-tablet-pci", "tablet"), ("virtio-mouse-pci", "mouse"), ("virtio-keyboard-pci", "keyboard")),
        .. VirtioThree("virtio-input-host-pci", "input", ["@type=passthrough", "@bus=virtio"], [new("evdev", "source/@evdev")], []),
        new("usb-hub", "hub", QemuBus.Usb, ["@type=usb"]),

        .. Sounds(("AC97", "ac97"), ("intel-hda", "ich6"), ("ich9-intel-hda", "ich9"), ("es1370", "es1370"), ("usb-audio", "usb"), ("sb16", "sb16")),
        new("VGA", "video", QemuBus.Pci, ["model/@type=vga"], [new("vgamem_mb", "model/@vram", Mebibytes)]),
        new("secondary-vga", "video", QemuBus.Pci, ["model/@type=vga", "model/@primary=no"], [new("vgamem_mb", "model/@vram", Mebibytes)]),
        new("cirrus-vga", "video", QemuBus.Pci, ["model/@type=cirrus"], [new("vgamem_mb", "model/@vram", Mebibytes)]),
        new("vmware-svga", "video", QemuBus.Pci, ["model/@type=vmvga"], [new("vgamem_mb", "model/@vram", Mebibytes)]),
        new("qxl", "video", QemuBus.Pci, ["model/@type=qxl", "model/@primary=no"], Qxl()),
        new("qxl-vga", "video", QemuBus.Pci, ["model/@type=qxl"], Qxl()),
        new("bochs-display", "video", QemuBus.Pci, ["model/@type=bochs"], [new("vgamem", "model/@vram", Kibibytes)]),
        new("ramfb", "video", QemuBus.None, ["model/@type=ramfb"]),
        new("vhost-user-gpu-pci", "video", QemuBus.Pci, ["model/@type=virtio", "driver/@name=vhostuser", "model/@primary=no"], [.. VirtioVideo, .. Virtio]),
        new("vhost-user-vga", "video", QemuBus.Pci, ["model/@type=virtio", "driver/@name=vhostuser"], [.. VirtioVideo, .. Virtio]),
        new("virtio-gpu-gl-pci", "video", QemuBus.Pci, ["model/@type=virtio", "model/acceleration/@accel3d=yes", "model/@primary=no"], [.. VirtioVideo, .. Virtio]),
        new("virtio-vga-gl", "video", QemuBus.Pci, ["model/@type=virtio", "model/acceleration/@accel3d=yes"], [.. VirtioVideo, .. Virtio]),
        new("virtio-gpu-pci", "video", QemuBus.Pci, ["model/@type=virtio", "model/@primary=no"], [.. VirtioVideo, .. Virtio]),
        new("virtio-vga", "video", QemuBus.Pci, ["model/@type=virtio"], [.. VirtioVideo, .. Virtio]),

        new("vfio-pci", "hostdev", QemuBus.Pci, ["@mode=subsystem", "@type=pci"], HostDevice),
        new("usb-host", "hostdev", QemuBus.Usb, ["@mode=subsystem", "@type=usb"], HostDevice),
        new("scsi-generic", "hostdev", QemuBus.Scsi, ["@mode=subsystem", "@type=scsi"], HostDevice),
        new("vhost-scsi-pci", "hostdev", QemuBus.Pci, ["@mode=subsystem", "@type=scsi_host", "source/@protocol=vhost"],
            [new("wwpn", "source/@wwpn"), .. HostDevice, .. Virtio]),

        .. VirtioThree("virtio-balloon-pci", "memballoon", [],
            [new("deflate-on-oom", "@autodeflate", OnOff), new("free-page-reporting", "@freePageReporting", OnOff), new("acpi-index", "acpi/@index", Number)], []),
        .. VirtioThree("virtio-rng-pci", "rng", [],
            [new("max-bytes", "rate/@bytes", Number), new("period", "rate/@period", Number), new("acpi-index", "acpi/@index", Number)], []),
        .. VirtioThree("vhost-vsock-pci", "vsock", [], [new("guest-cid", "cid/@address", Number), new("acpi-index", "acpi/@index", Number)], []),
        new("pc-dimm", "memory", QemuBus.None, ["@model=dimm"], [new("node", "target/node", Number)]),
        new("nvdimm", "memory", QemuBus.None, ["@model=nvdimm"],
            [new("node", "target/node", Number), new("label-size", "target/label/size", Size), new("uuid", "uuid"), new("unarmed", "target/readonly", Flag)]),
        new("virtio-mem-pci", "memory", QemuBus.Pci, ["@model=virtio-mem"],
            [new("node", "target/node", Number), new("block-size", "target/block", Size), new("requested-size", "target/requested", Size), new("memaddr", "target/address/@base", Hexadecimal)]),
        new("virtio-pmem-pci", "memory", QemuBus.Pci, ["@model=virtio-pmem"], [new("memaddr", "target/address/@base", Hexadecimal)]),
        new("i6300esb", "watchdog", QemuBus.Pci, ["@model=i6300esb"]),
        new("ib700", "watchdog", QemuBus.Isa, ["@model=ib700"]),
        new("tpm-tis", "tpm", QemuBus.Isa, ["@model=tpm-tis"]),
        new("tpm-crb", "tpm", QemuBus.None, ["@model=tpm-crb"]),
        new("pvpanic", "panic", QemuBus.Isa, ["@model=isa"]),
        new("pvpanic-pci", "panic", QemuBus.Pci, ["@model=pvpanic"]),
        new("ivshmem-plain", "shmem", QemuBus.Pci, ["model/@type=ivshmem-plain"]),
        new("ivshmem-doorbell", "shmem", QemuBus.Pci, ["model/@type=ivshmem-doorbell"],
            [new("vectors", "msi/@vectors", Number), new("ioeventfd", "msi/@ioeventfd", OnOff)]),
        new("intel-iommu", "iommu", QemuBus.None, ["@model=intel"],
            [new("intremap", "driver/@intremap", OnOff), new("caching-mode", "driver/@caching_mode", OnOff), new("eim", "driver/@eim", OnOff),
             new("device-iotlb", "driver/@iotlb", OnOff), new("aw-bits", "driver/@aw_bits", Number)]),
        new("virtio-iommu-pci", "iommu", QemuBus.Pci, ["@model=virtio"]),
    ];

    private static FrozenDictionary<string, QemuDevice> ByDriver { get; } = All.ToFrozenDictionary(device => device.Driver, StringComparer.Ordinal);

    /// <summary>Finds a device by its name or an older one.</summary>
    internal static QemuDevice? Find(string driver) => ByDriver.GetValueOrDefault(Canonical(driver));

    /// <summary>The name that QEMU lists for a device.</summary>
    internal static string Canonical(string driver) => s_aliases.GetValueOrDefault(driver, driver);

    /// <summary>A device of virtio under its three names.</summary>
    private static IEnumerable<QemuDevice> VirtioThree(string driver, string element, string[] fixedValues, QemuProperty[] own, QemuProperty[] more)
    {
        string path = element == "interface" ? "model/@type" : "@model";
        bool named = element is "interface" or "rng" or "memballoon" or "controller";
        string first = element == "controller" ? "virtio-scsi" : "virtio";
        bool serial = fixedValues.Contains("@type=virtio-serial");
        yield return new QemuDevice($"{driver}-transitional", element, QemuBus.Pci, [.. fixedValues, $"{path}=virtio-transitional"], [.. own, .. more, .. Virtio]);
        yield return new QemuDevice($"{driver}-non-transitional", element, QemuBus.Pci, [.. fixedValues, $"{path}=virtio-non-transitional"], [.. own, .. more, .. Virtio]);
        yield return new QemuDevice(
            driver, element, QemuBus.Pci, named && !serial ? [.. fixedValues, $"{path}={first}"] : fixedValues, [.. own, .. more, .. Virtio]);
    }

    private static IEnumerable<QemuDevice> Controllers(string type, params (string Driver, string Model)[] names) =>
        names.Select(name => new QemuDevice(name.Driver, "controller", QemuBus.Pci, [$"@type={type}", $"@model={name.Model}"], type == "usb" ? UsbCompanion : []));

    private static IEnumerable<QemuDevice> Cards(params string[] names) =>
        names.Select(name => new QemuDevice(name, "interface", QemuBus.Pci, [$"model/@type={name}"], Card));

    private static IEnumerable<QemuDevice> Inputs(string bus, QemuBus kind, params (string Driver, string Type)[] names) =>
        names.Select(name => new QemuDevice(name.Driver, "input", kind, [$"@type={name.Type}", $"@bus={bus}"], kind == QemuBus.Pci ? Virtio : []));

    private static IEnumerable<QemuDevice> Sounds(params (string Driver, string Model)[] names) =>
        names.Select(name => new QemuDevice(
            name.Driver, "sound", name.Model == "usb" ? QemuBus.Usb : name.Model == "sb16" ? QemuBus.Isa : QemuBus.Pci, [$"@model={name.Model}"], s_sound));

    private static QemuProperty[] Qxl() =>
    [
        new("ram_size", "model/@ram", Kibibytes), new("vram_size", "model/@vram", Kibibytes), new("vram64_size_mb", "model/@vram64", Mebibytes),
        new("vgamem_mb", "model/@vgamem", Mebibytes), new("max_outputs", "model/@heads", Number),
    ];
}
