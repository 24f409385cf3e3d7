using System.Collections.Immutable;
using Nacelle.Machine;
using Nacelle.Translation;

namespace Nacelle.Configuration;

/// <summary>
/// Writes what options of a command line describe as a configuration, so that rules judge it as any other and it can be converted.
/// Stateless; <see cref="MachineDescriptionMaker"/> makes the same description of it.
/// </summary>
public static class DescribedConfiguration
{
    /// <summary>Writes a description.</summary>
    /// <param name="machine">What the options describe.</param>
    /// <param name="form">Whose options they are.</param>
    public static MachineDocument Write(MachineDescription machine, MachineDocumentForm form = MachineDocumentForm.CommandLine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        TranslatorOptions usual = new();
        NacelleConfiguration nacelle = new()
        {
            AutomaticAccelerator = machine.Accelerator == AcceleratorChoice.Auto,
            CodeCache = machine.Translator.CodeCacheBytes == usual.CodeCacheBytes ? null : (ulong)machine.Translator.CodeCacheBytes,
            EvictEvery = machine.Translator.EvictEvery == 0 ? null : machine.Translator.EvictEvery,
            DebugExitPort = machine.DebugExit?.Port,
            DebugExitLength = machine.DebugExit?.Length,
            TestDevice = machine.TestDevice,
        };
        return new MachineDocument
        {
            Form = form,
            Configuration = new MachineConfiguration
            {
                Accelerator = machine.Accelerator,
                Name = machine.Name,
                Uuid = machine.Uuid == Guid.Empty ? null : machine.Uuid.ToString(),
                Memory = machine.MemoryBytes,
                Vcpu = new VcpuConfiguration { Maximum = machine.VirtualCpus },
                Boot = new BootConfiguration
                {
                    Architecture = "x86_64",
                    Machine = "q35",
                    Kernel = machine.KernelPath,
                    Initrd = machine.InitrdPath,
                    CommandLine = machine.KernelCommandLine.Length == 0 ? null : machine.KernelCommandLine,
                },
                Features = new FeaturesConfiguration { Acpi = true },
                Cpu = CpuConfigurationText.Write(machine.Cpu),
                Clock = new ClockConfiguration
                {
                    Offset = "utc",
                    Timers = Timers(machine),
                },
                OnReboot = machine.RestartOnReset ? LifecycleAction.Restart : LifecycleAction.Destroy,
                Devices = Devices(machine),
                Nacelle = nacelle == new NacelleConfiguration() ? null : nacelle,
            },
        };
    }

    /// <summary>Connects the first serial port otherwise.</summary>
    /// <param name="devices">The devices.</param>
    /// <param name="serial">Where it is to be connected.</param>
    public static DevicesConfiguration WithSerial(DevicesConfiguration devices, SerialDescription serial)
    {
        ArgumentNullException.ThrowIfNull(devices);
        ArgumentNullException.ThrowIfNull(serial);
        return devices with { Serials = serial.Kind == SerialKind.None ? [] : [Serial(serial)], Consoles = [] };
    }

    private static ImmutableArray<TimerConfiguration> Timers(MachineDescription machine)
    {
        List<TimerConfiguration> timers = [];
        if (machine.RealTimeClockCatchesUp)
        {
            timers.Add(new TimerConfiguration { Name = "rtc", TickPolicy = "catchup" });
        }

        if (!machine.IntervalTimer)
        {
            timers.Add(new TimerConfiguration { Name = "pit", Present = false });
        }

        if (!machine.HighPrecisionTimer)
        {
            timers.Add(new TimerConfiguration { Name = "hpet", Present = false });
        }

        return [.. timers];
    }

    private static DevicesConfiguration Devices(MachineDescription machine) => new()
    {
        Disks = [.. machine.Disks.Select(Disk)],
        Controllers =
        [
            new ControllerConfiguration { Type = ControllerType.Usb, Index = 0, Model = "none" },
        ],
        Interfaces = [.. machine.Networks.Select(Network)],
        Serials = machine.Serial.Kind == SerialKind.None ? [] : [Serial(machine.Serial)],
        Balloon = new BalloonConfiguration { Model = machine.Balloon ? "virtio" : "none" },
        Randoms = machine.EntropySource ? [new RandomConfiguration { Model = "virtio", Backend = "random", BackendPath = "/dev/urandom" }] : [],
    };

    private static DiskConfiguration Disk(DiskDescription disk, int index)
    {
        bool block = disk.Path.StartsWith("/dev/", StringComparison.Ordinal);
        return new DiskConfiguration
        {
            Type = block ? StorageType.Block : StorageType.File,
            Device = "disk",
            Driver = new DiskDriverConfiguration
            {
                Name = "qemu",
                Type = disk.SaidToBeRaw ? "raw" : null,
                Cache = disk.Cache switch
                {
                    DiskCacheMode.None => DiskCache.None,
                    DiskCacheMode.Writethrough => DiskCache.Writethrough,
                    DiskCacheMode.DirectSync => DiskCache.DirectSync,
                    DiskCacheMode.Unsafe => DiskCache.Unsafe,
                    _ => DiskCache.Writeback,
                },
                ErrorPolicy = disk.OnError switch
                {
                    DiskErrorPolicy.Stop => "stop",
                    DiskErrorPolicy.StopWhenFull => "enospace",
                    _ => "report",
                },
                Discard = disk.Discard ? "unmap" : "ignore",
                Queues = disk.Queues == 0 ? null : disk.Queues,
                Packed = disk.Packed ? true : null,
            },
            Source = block ? new StorageSourceConfiguration { Device = disk.Path } : new StorageSourceConfiguration { File = disk.Path },
            TargetName = "vd" + DiskNames.Letters(index),
            Bus = DiskBus.Virtio,
            ReadOnly = disk.ReadOnly,
            Serial = disk.Serial,
        };
    }

    private static InterfaceConfiguration Network(NetworkDescription network) => new()
    {
        Type = network.Kind == NetworkBackendKind.Tap ? InterfaceType.Ethernet : InterfaceType.User,
        MacAddress = network.MacAddress,
        Target = network.TapName,
        TargetManaged = network.Kind == NetworkBackendKind.Tap ? false : null,
        BackendType = network.Kind == NetworkBackendKind.User ? "passt" : null,
        Model = "virtio",
        Driver = network.Queues == 0 && !network.Packed
            ? null
            : new InterfaceDriverConfiguration { Queues = network.Queues == 0 ? null : network.Queues, Packed = network.Packed ? true : null },
        PortForwards =
        [
            .. network.PortForwards.GroupBy(forward => (forward.Address, forward.IsDatagram)).Select(group => new PortForwardConfiguration
            {
                Protocol = group.Key.IsDatagram ? "udp" : "tcp",
                Address = group.Key.Address,
                Ranges = [.. group.Select(forward => new PortRangeConfiguration { Start = forward.HostPort, To = forward.GuestPort })],
            }),
        ],
    };

    private static SerialConfiguration Serial(SerialDescription serial) => new()
    {
        Type = serial.Kind switch
        {
            SerialKind.File => CharacterDeviceType.File,
            SerialKind.Socket => CharacterDeviceType.Unix,
            SerialKind.Terminal => CharacterDeviceType.Pty,
            _ => CharacterDeviceType.StandardStreams,
        },
        Sources = serial.Path is null
            ? []
            : [new CharacterSourceConfiguration { Path = serial.Path, Mode = serial.Kind == SerialKind.Socket ? "bind" : null }],
        TargetType = "isa-serial",
        Port = 0,
    };
}
