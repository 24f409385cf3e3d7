using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>The words of the configuration's enumerations, as libvirt's domain XML has them.</summary>
internal static class ConfigurationWords
{
    internal static WordTable<LifecycleAction> LifecycleAction { get; } = new(
        (Configuration.LifecycleAction.Destroy, "destroy"), (Configuration.LifecycleAction.Restart, "restart"),
        (Configuration.LifecycleAction.Preserve, "preserve"), (Configuration.LifecycleAction.RenameRestart, "rename-restart"),
        (Configuration.LifecycleAction.CoreDumpDestroy, "coredump-destroy"), (Configuration.LifecycleAction.CoreDumpRestart, "coredump-restart"));

    internal static WordTable<LockFailureAction> LockFailureAction { get; } = new(
        (Configuration.LockFailureAction.PowerOff, "poweroff"), (Configuration.LockFailureAction.Restart, "restart"),
        (Configuration.LockFailureAction.Pause, "pause"), (Configuration.LockFailureAction.Ignore, "ignore"));

    internal static WordTable<AcceleratorChoice> Accelerator { get; } = new(
        (AcceleratorChoice.Auto, "auto"), (AcceleratorChoice.Kvm, "kvm"), (AcceleratorChoice.Translator, "translator"));

    internal static WordTable<CpuMode> CpuMode { get; } = new(
        (Configuration.CpuMode.Custom, "custom"), (Configuration.CpuMode.HostModel, "host-model"),
        (Configuration.CpuMode.HostPassthrough, "host-passthrough"), (Configuration.CpuMode.Maximum, "maximum"));

    internal static WordTable<CpuFeaturePolicy> CpuFeaturePolicy { get; } = new(
        (Configuration.CpuFeaturePolicy.Force, "force"), (Configuration.CpuFeaturePolicy.Require, "require"),
        (Configuration.CpuFeaturePolicy.Optional, "optional"), (Configuration.CpuFeaturePolicy.Disable, "disable"),
        (Configuration.CpuFeaturePolicy.Forbid, "forbid"));

    internal static WordTable<DeviceAddressType> DeviceAddressType { get; } = new(
        (Configuration.DeviceAddressType.Pci, "pci"), (Configuration.DeviceAddressType.Drive, "drive"),
        (Configuration.DeviceAddressType.VirtioSerial, "virtio-serial"), (Configuration.DeviceAddressType.Ccid, "ccid"),
        (Configuration.DeviceAddressType.Usb, "usb"), (Configuration.DeviceAddressType.Isa, "isa"),
        (Configuration.DeviceAddressType.SpaprVio, "spapr-vio"), (Configuration.DeviceAddressType.VirtioMmio, "virtio-mmio"),
        (Configuration.DeviceAddressType.Ccw, "ccw"), (Configuration.DeviceAddressType.Dimm, "dimm"),
        (Configuration.DeviceAddressType.Unassigned, "unassigned"));

    internal static WordTable<DiskBus> DiskBus { get; } = new(
        (Configuration.DiskBus.Virtio, "virtio"), (Configuration.DiskBus.Scsi, "scsi"), (Configuration.DiskBus.Ide, "ide"),
        (Configuration.DiskBus.Sata, "sata"), (Configuration.DiskBus.Usb, "usb"), (Configuration.DiskBus.Fdc, "fdc"),
        (Configuration.DiskBus.Xen, "xen"), (Configuration.DiskBus.Sd, "sd"));

    internal static WordTable<DiskCache> DiskCache { get; } = new(
        (Configuration.DiskCache.Default, "default"), (Configuration.DiskCache.Writeback, "writeback"), (Configuration.DiskCache.None, "none"),
        (Configuration.DiskCache.Writethrough, "writethrough"), (Configuration.DiskCache.DirectSync, "directsync"),
        (Configuration.DiskCache.Unsafe, "unsafe"));

    internal static WordTable<StorageType> StorageType { get; } = new(
        (Configuration.StorageType.File, "file"), (Configuration.StorageType.Block, "block"), (Configuration.StorageType.Directory, "dir"),
        (Configuration.StorageType.Network, "network"), (Configuration.StorageType.Volume, "volume"), (Configuration.StorageType.Nvme, "nvme"),
        (Configuration.StorageType.VhostUser, "vhostuser"), (Configuration.StorageType.VhostVdpa, "vhostvdpa"));

    internal static WordTable<ControllerType> ControllerType { get; } = new(
        (Configuration.ControllerType.Ide, "ide"), (Configuration.ControllerType.Fdc, "fdc"), (Configuration.ControllerType.Scsi, "scsi"),
        (Configuration.ControllerType.Sata, "sata"), (Configuration.ControllerType.VirtioSerial, "virtio-serial"),
        (Configuration.ControllerType.Ccid, "ccid"), (Configuration.ControllerType.Usb, "usb"), (Configuration.ControllerType.Pci, "pci"),
        (Configuration.ControllerType.XenBus, "xenbus"), (Configuration.ControllerType.Isa, "isa"));

    internal static WordTable<InterfaceType> InterfaceType { get; } = new(
        (Configuration.InterfaceType.Network, "network"), (Configuration.InterfaceType.Bridge, "bridge"),
        (Configuration.InterfaceType.User, "user"), (Configuration.InterfaceType.Ethernet, "ethernet"),
        (Configuration.InterfaceType.Direct, "direct"), (Configuration.InterfaceType.HostDevice, "hostdev"),
        (Configuration.InterfaceType.VhostUser, "vhostuser"), (Configuration.InterfaceType.Vdpa, "vdpa"),
        (Configuration.InterfaceType.Server, "server"), (Configuration.InterfaceType.Client, "client"),
        (Configuration.InterfaceType.Multicast, "mcast"), (Configuration.InterfaceType.Udp, "udp"),
        (Configuration.InterfaceType.Internal, "internal"), (Configuration.InterfaceType.Null, "null"), (Configuration.InterfaceType.Vds, "vds"));

    internal static WordTable<CharacterDeviceType> CharacterDeviceType { get; } = new(
        (Configuration.CharacterDeviceType.Pty, "pty"), (Configuration.CharacterDeviceType.File, "file"),
        (Configuration.CharacterDeviceType.StandardStreams, "stdio"), (Configuration.CharacterDeviceType.Unix, "unix"),
        (Configuration.CharacterDeviceType.Tcp, "tcp"), (Configuration.CharacterDeviceType.Udp, "udp"),
        (Configuration.CharacterDeviceType.Pipe, "pipe"), (Configuration.CharacterDeviceType.Device, "dev"),
        (Configuration.CharacterDeviceType.Null, "null"), (Configuration.CharacterDeviceType.VirtualConsole, "vc"),
        (Configuration.CharacterDeviceType.SpiceVmc, "spicevmc"), (Configuration.CharacterDeviceType.SpicePort, "spiceport"),
        (Configuration.CharacterDeviceType.Dbus, "dbus"), (Configuration.CharacterDeviceType.QemuVdagent, "qemu-vdagent"),
        (Configuration.CharacterDeviceType.Nmdm, "nmdm"));

    internal static WordTable<HostDeviceType> HostDeviceType { get; } = new(
        (Configuration.HostDeviceType.Pci, "pci"), (Configuration.HostDeviceType.Usb, "usb"), (Configuration.HostDeviceType.Scsi, "scsi"),
        (Configuration.HostDeviceType.ScsiHost, "scsi_host"), (Configuration.HostDeviceType.Mediated, "mdev"),
        (Configuration.HostDeviceType.Storage, "storage"), (Configuration.HostDeviceType.Miscellaneous, "misc"),
        (Configuration.HostDeviceType.Network, "net"));

    internal static WordTable<MemoryModuleModel> MemoryModuleModel { get; } = new(
        (Configuration.MemoryModuleModel.Dimm, "dimm"), (Configuration.MemoryModuleModel.Nvdimm, "nvdimm"),
        (Configuration.MemoryModuleModel.VirtioMem, "virtio-mem"), (Configuration.MemoryModuleModel.VirtioPmem, "virtio-pmem"),
        (Configuration.MemoryModuleModel.SgxEpc, "sgx-epc"));

    /// <summary>Words of some buses, in the order of their names in the text.</summary>
    internal static string[] VirtioModels { get; } = ["virtio", "virtio-transitional", "virtio-non-transitional"];
}
