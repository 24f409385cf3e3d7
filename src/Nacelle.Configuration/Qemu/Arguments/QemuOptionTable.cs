using System.Collections.Frozen;
using static Nacelle.Configuration.QemuOptionValue;

namespace Nacelle.Configuration;

/// <summary>The options of qemu-system-x86_64 7.2. Immutable.</summary>
internal static class QemuOptionTable
{
    /// <summary>Options about QEMU's process and how it is controlled: the guest is the same with and without.</summary>
    internal static (string Name, QemuOptionValue Value)[] Process { get; } =
    [
        ("-daemonize", None), ("-pidfile", Text), ("-D", Text), ("-d", Text), ("-dfilter", Text), ("-msg", Text), ("-sandbox", Text),
        ("-runas", Text), ("-chroot", Text), ("-S", None), ("-incoming", Text), ("-gdb", Text), ("-s", None), ("-L", Text), ("-trace", Text),
        ("-preconfig", None), ("-only-migratable", None), ("-add-fd", Text), ("-echr", Text), ("-seed", Text), ("-no-user-config", None),
        ("-dump-vmstate", Text), ("-enable-sync-profile", None), ("-async-teardown", None), ("-compat", Text), ("-plugin", Text),
        ("-singlestep", None), ("-full-screen", None),
    ];

    private static FrozenDictionary<string, QemuOptionRule> Rules { get; } = Build().ToFrozenDictionary(rule => rule.Name, StringComparer.Ordinal);

    /// <summary>Names of all options.</summary>
    internal static IEnumerable<string> Names => Rules.Keys;

    /// <summary>Finds an option.</summary>
    internal static QemuOptionRule? Find(string name) => Rules.GetValueOrDefault(name);

    private static IEnumerable<QemuOptionRule> Build() =>
    [
        .. Process.Select(option => new QemuOptionRule(option.Name, option.Value, Apply: (_, settings) => TakeWhole(settings))),

        new("-nodefaults", None, Apply: (reading, _) => reading.HasDefaults = false),
        new("-machine", Settings, "type", QemuBoardOptions.Board, QemuBoardOptions.Machine),
        new("-M", Settings, "type", QemuBoardOptions.Board, QemuBoardOptions.Machine),
        new("-accel", Settings, "accel", Apply: QemuBoardOptions.Accelerator),
        new("-enable-kvm", None, Apply: (reading, settings) => reading.Accelerators.Add(("kvm", settings))),
        new("-name", Settings, "guest", Apply: QemuBoardOptions.Name),
        new("-uuid", Text, Apply: (reading, settings) => QemuBoardOptions.Put(reading, settings, "uuid")),
        new("-cpu", Settings, "model", Apply: QemuCpuOption.Apply),
        new("-smp", Settings, "cpus", Apply: QemuVcpuOption.Apply),
        new("-m", Settings, "size", Apply: QemuMemoryOptions.Memory),
        new("-mem-path", Text, Apply: QemuMemoryOptions.Path),
        new("-mem-prealloc", None, Apply: (reading, settings) => reading.Tree.Put(reading.Tree.Root, "memoryBacking/allocation/@mode", "immediate", settings)),
        new("-overcommit", Settings, Apply: QemuMemoryOptions.Overcommit),
        new("-object", Settings, "qom-type", QemuMemoryOptions.DefineObject, QemuMemoryOptions.ApplyObject),
        new("-numa", Settings, "type", Apply: QemuNumaOption.Apply),

        new("-bios", Text, Apply: QemuBootOptions.Firmware),
        new("-pflash", Text, Apply: QemuBootOptions.Flash),
        new("-kernel", Text, Apply: (reading, settings) => QemuBoardOptions.Put(reading, settings, "os/kernel")),
        new("-initrd", Text, Apply: (reading, settings) => QemuBoardOptions.Put(reading, settings, "os/initrd")),
        new("-append", Text, Apply: (reading, settings) => QemuBoardOptions.Put(reading, settings, "os/cmdline")),
        new("-dtb", Text, Apply: (reading, settings) => QemuBoardOptions.Put(reading, settings, "os/dtb")),
        new("-boot", Settings, "order", Apply: QemuBootOptions.Boot),
        new("-smbios", Settings, Apply: QemuBootOptions.Smbios),
        new("-fw_cfg", Settings, "name", Apply: QemuBootOptions.FirmwareConfiguration),
        new("-rtc", Settings, Apply: QemuBoardOptions.Clock),
        new("-no-acpi", None, Apply: QemuBoardOptions.WithoutAcpi),
        new("-no-hpet", None, Apply: (reading, settings) => QemuBoardOptions.Timer(reading, settings, null, "hpet", "present", "no")),
        new("-no-reboot", None, Apply: (reading, settings) => reading.Tree.Put(reading.Tree.Root, "on_reboot", "destroy", settings)),
        new("-no-shutdown", None, Apply: (reading, settings) => reading.Tree.Put(reading.Tree.Root, "on_poweroff", "preserve", settings)),
        new("-action", Settings, Apply: QemuBoardOptions.Action),
        new("-watchdog-action", Text, Apply: QemuBoardOptions.WatchdogAction),
        new("-global", Settings, Apply: QemuBoardOptions.Global),

        new("-drive", Settings, Define: QemuDriveOptions.Define, Apply: QemuDriveOptions.Apply),
        new("-blockdev", Settings, "driver", (reading, settings) => reading.Define("node", settings, "node-name")),
        new("-hda", Text, Apply: (reading, settings) => QemuDriveOptions.Short(reading, settings, 0, "disk")),
        new("-hdb", Text, Apply: (reading, settings) => QemuDriveOptions.Short(reading, settings, 1, "disk")),
        new("-hdc", Text, Apply: (reading, settings) => QemuDriveOptions.Short(reading, settings, 2, "disk")),
        new("-hdd", Text, Apply: (reading, settings) => QemuDriveOptions.Short(reading, settings, 3, "disk")),
        new("-cdrom", Text, Apply: (reading, settings) => QemuDriveOptions.Short(reading, settings, 2, "cdrom")),
        new("-fda", Text, Apply: (reading, settings) => QemuDriveOptions.Short(reading, settings, 0, "floppy")),
        new("-fdb", Text, Apply: (reading, settings) => QemuDriveOptions.Short(reading, settings, 1, "floppy")),
        new("-snapshot", None, Apply: QemuDriveOptions.Snapshot),

        new("-device", Settings, "driver", QemuDeviceOption.Define, QemuDeviceOption.Apply),
        new("-usb", None, Apply: (reading, settings) => reading.Controllers.AddBoardUsb(settings)),
        new("-usbdevice", Text, Apply: QemuDeviceOption.UsbDevice),
        new("-netdev", Settings, "type", (reading, settings) => reading.Define("netdev", settings), (reading, _) => reading.WithoutDefault.Add("net")),
        new("-nic", Settings, "type", Apply: QemuNetworkOptions.Nic),
        new("-net", Settings, "type", QemuNetworkOptions.DefineNet, QemuNetworkOptions.Net),
        new("-fsdev", Settings, "fsdriver", (reading, settings) => reading.Define("fsdev", settings)),
        new("-virtfs", Settings, "fsdriver", Apply: QemuFilesystemOptions.Virtfs),
        new("-tpmdev", Settings, "type", (reading, settings) => reading.Define("tpmdev", settings)),

        new("-chardev", Settings, "backend", (reading, settings) => reading.Define("chardev", settings)),
        new("-serial", Text, Apply: QemuCharacterOptions.Serial),
        new("-parallel", Text, Apply: QemuCharacterOptions.Parallel),
        new("-monitor", Text, Apply: QemuCharacterOptions.Monitor),
        new("-qmp", Text, Apply: QemuCharacterOptions.Monitor),
        new("-qmp-pretty", Text, Apply: QemuCharacterOptions.Monitor),
        new("-mon", Settings, "chardev", Apply: QemuCharacterOptions.MonitorOn),
        new("-debugcon", Text, Apply: QemuCharacterOptions.DebugConsole),

        new("-vnc", Settings, "vnc", Apply: QemuDisplayOptions.Vnc),
        new("-spice", Settings, Apply: QemuDisplayOptions.Spice),
        new("-display", Settings, "type", Apply: QemuDisplayOptions.Display),
        new("-vga", Text, Apply: QemuDisplayOptions.Vga),
        new("-nographic", None, Apply: (reading, settings) => reading.NoGraphic = settings),
        new("-k", Text, Apply: QemuDisplayOptions.Keymap),
        new("-audiodev", Settings, "driver", (reading, settings) => reading.Define("audiodev", settings), QemuDisplayOptions.Audio),

        new("-readconfig", Text, Apply: Refuse("it names a file with more of the machine: give its sections as options")),
        new("-set", Text, Apply: Refuse("it changes what another option says: change that option")),
        .. Unbuilt(Text, "-acpitable", "-option-rom", "-icount", "-loadvm", "-iscsi", "-mtdblock", "-sd", "-audio", "-xen-domid", "-rotate", "-semihosting-config", "-g", "-tb-size"),
        .. Unbuilt(None, "-no-fd-bootchk", "-win2k-hack", "-xen-attach", "-xen-domid-restrict", "-portrait", "-semihosting", "-old-param", "-prom-env"),
    ];

    /// <summary>Options that change the machine in a way that a configuration has no place for: each is listed as not understood.</summary>
    private static IEnumerable<QemuOptionRule> Unbuilt(QemuOptionValue value, params string[] names) =>
        names.Select(name => new QemuOptionRule(name, value, Apply: (reading, settings) =>
        {
            reading.Unknown(settings, null, settings.Label);
            TakeWhole(settings);
        }));

    private static Action<QemuReading, QemuSettings> Refuse(string reason) => (reading, settings) =>
    {
        reading.Shapes.Refuse(settings.Position, $"{settings.Option} is not read here: {reason}");
        TakeWhole(settings);
    };

    private static void TakeWhole(QemuSettings settings)
    {
        settings.IsUsed = true;
        foreach (QemuSetting setting in settings.All)
        {
            setting.IsTaken = true;
        }
    }
}
