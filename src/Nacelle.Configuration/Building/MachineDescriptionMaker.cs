using System.Collections.Immutable;
using System.Globalization;
using Nacelle.Cpu;
using Nacelle.Machine;
using Nacelle.Translation;

namespace Nacelle.Configuration;

/// <summary>Makes of a configuration what a machine is built from, or refuses it whole. Stateless.</summary>
public static class MachineDescriptionMaker
{
    private const ulong MemoryStep = 2UL << 20;

    /// <summary>Makes a description.</summary>
    /// <param name="document">The configuration with what is known of its text.</param>
    /// <exception cref="MachineRefusedException">
    /// The text has problems or parts that nothing is known of, or asks for what machines of this version do not have. All of it is told.
    /// </exception>
    public static MachineDescription Make(MachineDocument document) => Make(document, out _);

    /// <summary>Makes a description, and tells what the guest will not find as it is written, though it does without.</summary>
    /// <param name="document">The configuration with what is known of its text.</param>
    /// <param name="notes">A sentence each.</param>
    /// <exception cref="MachineRefusedException">As of <see cref="Make(MachineDocument)"/>.</exception>
    public static MachineDescription Make(MachineDocument document, out ImmutableArray<string> notes)
    {
        ArgumentNullException.ThrowIfNull(document);
        if (document.Configuration is not MachineConfiguration machine)
        {
            throw new MachineRefusedException([.. document.Problems.Select(problem => new MachineRefusal("", new SourcePlace(problem.Position, ""), problem.Message))]);
        }

        Refusals refusals = new(document);
        foreach (UnknownPart part in document.Unknown)
        {
            refusals.Add(part.Parent, part.Place, $"{part.Message}: correct its name, or remove it");
        }

        DomainShape.Domain.Walk(machine, "", refusals);
        CheckNumbers(machine, refusals);
        MachineDescription? description = refusals.Guard(() => Build(machine, refusals));
        notes = Notes(machine, refusals);
        return description is not null && refusals.All.Count == 0
            ? description
            : throw new MachineRefusedException(
                [.. refusals.All.OrderBy(refusal => refusal.Place?.Position.Line ?? 0).ThenBy(refusal => refusal.Place?.Position.Column ?? 0)]);
    }

    private static void CheckNumbers(MachineConfiguration machine, Refusals refusals)
    {
        int count = machine.Vcpu.Maximum;
        if (count > MachineDescription.MaximumVirtualCpus)
        {
            refusals.Add("/vcpu", Say($"{count} vCPUs are too many: give up to {MachineDescription.MaximumVirtualCpus}"));
        }

        if (machine.Vcpu.Current is int current && current != count)
        {
            refusals.Add("/vcpu/current", Say($"vCPUs cannot be added later yet: give current='{count}', or {current} vCPUs in all"));
        }

        ulong memory = machine.Memory ?? 0;
        if (memory == 0 || memory % MemoryStep != 0)
        {
            refusals.Add("/memory", $"{SizeText.Describe(memory)} of memory is not a multiple of 2 MiB: give another amount");
        }

        if (machine.CurrentMemory is ulong currentMemory && currentMemory != memory)
        {
            refusals.Add("/currentMemory", $"the balloon cannot be inflated yet: give <currentMemory> as <memory> has it, {SizeText.Describe(memory)}");
        }

        if (machine.Boot.Kernel is null)
        {
            refusals.Add("/boot", "give <kernel>, and <initrd> and <cmdline> as it needs: guests cannot boot from a disk yet");
        }

        if (machine.Cpu?.Topology is { } topology && topology.Cores != count)
        {
            refusals.Add("/cpu/topology", Say($"give cores='{count}', the number of vCPUs: only one socket without threads is supported yet"));
        }

        if (machine.Accelerator == AcceleratorChoice.Kvm && machine.Nacelle is { CodeCache: not null } or { EvictEvery: not null })
        {
            refusals.Add("/nacelle", "remove it: code caches are the translator's, and this machine runs on KVM");
        }

        CheckConsoles(machine.Devices, refusals);
        if (machine.Devices.Serials.Length > 1)
        {
            refusals.Add("/devices/serials/1", "remove the second serial port: only one is supported yet");
        }

        foreach ((int index, ControllerConfiguration controller) in machine.Devices.Controllers.Indexed())
        {
            if (!IsOnBoard(controller) && !IsDefault(controller))
            {
                refusals.Add(ConfigurationChange.Pointer("controllers", index), $"{MachineDevices.NameOf(controller)} is not supported yet: remove it");
            }
        }

        if (machine.Devices.Randoms.Length > 1)
        {
            refusals.Add("/devices/randoms/1", "remove the second <rng>: only one is supported yet");
        }

        foreach ((int index, TimerConfiguration timer) in machine.Clock?.Timers.Indexed() ?? [])
        {
            string? reason = timer switch
            {
                { Name: "kvmclock", Present: false } => "remove timer kvmclock: guests on KVM always have it",
                // Of the others, delay, discard and merge: ticks that were missed arrive as one, later ones at the normal rate.
                { TickPolicy: "catchup", Name: not "rtc" } =>
                    $"remove tickpolicy='catchup' of timer {timer.Name}: only the timer rtc can catch up",
                { TickPolicy: not null, Name: not ("rtc" or "pit") } =>
                    $"remove tickpolicy='{timer.TickPolicy}' of timer {timer.Name}: only those of rtc and pit can be set",
                { Name: "rtc", Present: false } => "remove present='no' of timer rtc: the board always has it",
                _ => null,
            };
            if (reason is not null)
            {
                refusals.Add($"/clock/timers/{index}", reason);
            }
        }
    }

    private static bool IsOnBoard(ControllerConfiguration controller) =>
        controller is { Type: ControllerType.Pci, Model: "pcie-root", Index: null or 0 } or { Type: ControllerType.Usb, Model: "none" };

    /// <summary>
    /// Whether libvirt writes such a controller into a guest that has nothing to connect to it. Devices that would need one are refused,
    /// so that the guest does without it.
    /// </summary>
    private static bool IsDefault(ControllerConfiguration controller) => controller
        is { Type: ControllerType.Usb or ControllerType.VirtioSerial }
        or { Type: ControllerType.Sata, Index: null or 0 }
        or { Type: ControllerType.Pci, Model: "pcie-root-port" or "pcie-to-pci-bridge" or "dmi-to-pci-bridge" };

    /// <summary>What libvirt adds to each guest by itself and machines of this version do not have, or not there.</summary>
    private static ImmutableArray<string> Notes(MachineConfiguration machine, Refusals refusals)
    {
        IEnumerable<string> absent =
        [
            .. machine.Devices.Controllers.Where(controller => !IsOnBoard(controller)).Select(MachineDevices.NameOf),
            .. machine.Devices.Inputs.Select(input => input.Type),
            .. machine.Devices.Watchdogs.Select(watchdog => $"watchdog {watchdog.Model}"),
        ];
        List<string> notes = [];
        string names = string.Join(", ", absent);
        if (names.Length != 0)
        {
            notes.Add($"the guest does not have these devices yet: {names}");
        }

        if (refusals.HasPciAddresses)
        {
            notes.Add("PCI addresses are ignored: devices take the free slots of bus 0 in order");
        }

        return [.. notes];
    }

    /// <summary>A console is the first serial port once more; what it says beside that would be ignored.</summary>
    private static void CheckConsoles(DevicesConfiguration devices, Refusals refusals)
    {
        if (devices.Consoles.Length > 1)
        {
            refusals.Add("/devices/consoles/1", "remove the second console: only one serial port is supported yet");
        }

        if (devices.Consoles is [ConsoleConfiguration console, ..] && devices.Serials is [SerialConfiguration serial, ..] && console.Type != serial.Type)
        {
            refusals.Add("/devices/consoles/0", "give <console> the type of <serial>, or remove it: both are the first serial port");
        }
    }

    private static MachineDescription Build(MachineConfiguration machine, Refusals refusals)
    {
        NacelleConfiguration nacelle = machine.Nacelle ?? new();
        return new MachineDescription
        {
            Name = refusals.Guard(() => MachineOptions.ParseName(machine.Name), "/name") ?? "",
            Uuid = machine.Uuid is string uuid ? Guid.Parse(uuid) : default,
            VirtualCpus = machine.Vcpu.Maximum,
            MemoryBytes = machine.Memory ?? 0,
            Accelerator = machine.Accelerator,
            Translator = new TranslatorOptions
            {
                CodeCacheBytes = (int)Math.Min(nacelle.CodeCache ?? (ulong)new TranslatorOptions().CodeCacheBytes, int.MaxValue),
                EvictEvery = nacelle.EvictEvery ?? 0,
            },
            Cpu = refusals.Guard(() => CpuConfigurationText.Read(machine.Cpu), "/cpu") ?? CpuModelSpecification.Host,
            RestartOnReset = machine.OnReboot is not LifecycleAction.Destroy,
            KernelPath = machine.Boot.Kernel ?? "",
            InitrdPath = machine.Boot.Initrd,
            KernelCommandLine = machine.Boot.CommandLine ?? "",
            Disks = [.. machine.Devices.Disks.Select((disk, index) => Disk(disk, ConfigurationChange.Pointer("disks", index), refusals))],
            Networks = [.. machine.Devices.Interfaces.Select((network, index) => Network(network, ConfigurationChange.Pointer("interfaces", index), refusals))],
            Serial = refusals.Guard(() => Serial(machine.Devices), "/devices/serials/0") ?? SerialDescription.None,
            EntropySource = machine.Devices.Randoms.Length != 0,

            // As libvirt has it: a guest of which nothing is said gets one.
            Balloon = machine.Devices.Balloon is not { Model: "none" },
            DebugExit = nacelle.DebugExitPort is int port ? new DebugExitDescription((ushort)port, nacelle.DebugExitLength ?? 1) : null,
            IntervalTimer = machine.Clock?.Timers.Any(timer => timer is { Name: "pit", Present: false }) != true,
            HighPrecisionTimer = machine.Clock?.Timers.Any(timer => timer is { Name: "hpet", Present: false }) != true,
            RealTimeClockCatchesUp = machine.Clock?.Timers.Any(timer => timer is { Name: "rtc", TickPolicy: "catchup" }) == true,
            TestDevice = nacelle.TestDevice,
        };
    }

    private static DiskDescription Disk(DiskConfiguration disk, string pointer, Refusals refusals)
    {
        string? path = disk.Type == StorageType.Block ? disk.Source?.Device : disk.Source?.File;
        if (path is null)
        {
            refusals.Add(pointer, $"give disk {disk.TargetName} a <source>: empty drives are not supported yet");
        }

        if (DiskBuses.Of(disk) != DiskBus.Virtio && disk.Bus is null)
        {
            refusals.Add(pointer, $"give disk {disk.TargetName} bus='virtio': its name means {ConfigurationWords.DiskBus.Format(DiskBuses.Of(disk))}, which is not supported yet");
        }

        DiskDriverConfiguration driver = disk.Driver ?? new();
        string policy = driver.ErrorPolicy ?? "report";
        if (driver.ReadErrorPolicy is string read && read != policy)
        {
            refusals.Add($"{pointer}/driver/readErrorPolicy", $"remove rerror_policy='{read}' of disk {disk.TargetName}: read errors always follow error_policy, here '{policy}'");
        }

        return new DiskDescription
        {
            Path = path ?? "",
            ReadOnly = disk.ReadOnly,
            Cache = driver.Cache switch
            {
                DiskCache.None => DiskCacheMode.None,
                DiskCache.Writethrough => DiskCacheMode.Writethrough,
                DiskCache.DirectSync => DiskCacheMode.DirectSync,
                DiskCache.Unsafe => DiskCacheMode.Unsafe,
                _ => DiskCacheMode.Writeback,
            },
            SaidToBeRaw = driver.Type == "raw",
            Discard = driver.Discard != "ignore",
            Queues = driver.Queues ?? 0,
            Serial = disk.Serial,
            OnError = driver.ErrorPolicy switch
            {
                "stop" => DiskErrorPolicy.Stop,
                "enospace" => DiskErrorPolicy.StopWhenFull,
                _ => DiskErrorPolicy.Report,
            },
            Packed = driver.Packed == true,
        };
    }

    private static NetworkDescription Network(InterfaceConfiguration network, string pointer, Refusals refusals)
    {
        if (network.Model is null)
        {
            refusals.Add(pointer, "give the interface <model type='virtio'/>: without a model it is an rtl8139, which is not supported yet");
        }

        if (network.Type == InterfaceType.Ethernet && network.Target is null)
        {
            refusals.Add(pointer, "name the tap: give <target dev='…' managed='no'/>");
        }

        if (network.Type == InterfaceType.Ethernet && (network.PortForwards.Length != 0 || network.BackendType is not null))
        {
            refusals.Add(pointer, "remove <portForward> and <backend>: a tap is reached directly");
        }

        if (network.Type == InterfaceType.User && network.Target is not null)
        {
            refusals.Add($"{pointer}/target", "remove <target>, or use type='ethernet': user-mode networking has no tap");
        }

        ImmutableArray<PortForward> forwards = [];
        try
        {
            forwards = Forwards(network.PortForwards);
        }
        catch (ConfigurationException error)
        {
            refusals.Add($"{pointer}/portForwards", error.Message);
        }


        return new NetworkDescription
        {
            Kind = network.Type == InterfaceType.Ethernet ? NetworkBackendKind.Tap : NetworkBackendKind.User,
            TapName = network.Type == InterfaceType.Ethernet ? network.Target : null,
            MacAddress = network.MacAddress,
            Queues = network.Driver?.Queues ?? 0,
            PortForwards = forwards,
            Packed = network.Driver?.Packed == true,
        };
    }

    /// <summary>Ports as libvirt means them: without an address they listen on all that the host has.</summary>
    private static ImmutableArray<PortForward> Forwards(ImmutableArray<PortForwardConfiguration> configured)
    {
        ImmutableArray<PortForward> forwards = [];
        foreach (PortForwardConfiguration forward in configured)
        {
            string? address = forward.Address is null ? null : PortForwardOption.Address(forward.Address, forward.Address);
            foreach (PortRangeConfiguration range in forward.Ranges)
            {
                PortForward one = new((ushort)range.Start, (ushort)(range.To ?? range.Start), address, forward.Protocol == "udp");
                PortForwardOption.CheckUnique(one, forwards);
                forwards = forwards.Add(one);
            }
        }

        return forwards;
    }

    private static SerialDescription Serial(DevicesConfiguration devices)
    {
        CharacterDeviceConfiguration? serial = devices.Serials.FirstOrDefault() ?? (CharacterDeviceConfiguration?)devices.Consoles.FirstOrDefault();
        string? path = serial?.Sources.FirstOrDefault()?.Path;
        if (serial?.Type is CharacterDeviceType.StandardStreams or CharacterDeviceType.Null && serial.Sources.Length != 0)
        {
            throw new ConfigurationException(
                $"remove <source>: a serial port of type {ConfigurationWords.CharacterDeviceType.Format(serial.Type)} has none");
        }

        return serial?.Type switch
        {
            null or CharacterDeviceType.Null => SerialDescription.None,
            CharacterDeviceType.StandardStreams => SerialDescription.StandardStreams,

            // libvirt writes the terminal that the last start had; each start has another. Any other path is a link to make.
            CharacterDeviceType.Pty =>
                new SerialDescription(SerialKind.Terminal, path?.StartsWith("/dev/pts/", StringComparison.Ordinal) == true ? null : path),
            CharacterDeviceType.File when path is not null => new SerialDescription(SerialKind.File, path),
            CharacterDeviceType.Unix when path is not null => SerialOption.Parse($"socket:{path}"),
            CharacterDeviceType.File or CharacterDeviceType.Unix => throw new ConfigurationException("give the serial port a path: <source path='…'/>"),

            // Another type is refused where it stands.
            _ => SerialDescription.None,
        };
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Gathers what is in the way. For one thread.</summary>
    private sealed class Refusals(MachineDocument document) : IShapeVisitor
    {
        private readonly HashSet<string> _refusedDevices = [];

        public List<MachineRefusal> All { get; } = [];

        public bool HasPciAddresses { get; private set; }

        public void Add(string pointer, string message) => All.Add(new MachineRefusal(pointer, document.Find(pointer), message));

        public void Add(string pointer, SourcePlace place, string message) => All.Add(new MachineRefusal(pointer, place, message));

        public void Value(string pointer, string text, string? refusal)
        {
            HasPciAddresses |= MachineSupport.IsPciAddress(pointer);
            if (MachineSupport.UnknownDevice(pointer) is string device)
            {
                RefuseDevice(device);
            }
            else if (MachineSupport.Refuse(pointer, text) is string reason)
            {
                string what = document.Find(pointer) is { } place ? place.Label : pointer;
                string given = text.Length is 0 or > 60 ? what : $"{what} '{text}'";
                Add(pointer, $"{given}: {reason}");
            }
        }

        public void Record(string pointer)
        {
            // What a record contains says it all; an empty one asks for nothing but what it is named for.
            if (MachineSupport.UnknownDevice(pointer) is string device)
            {
                RefuseDevice(device);
            }
            else if (EmptyRecords.Contains(pointer[(pointer.LastIndexOf('/') + 1)..]))
            {
                Add(pointer, $"not supported yet: remove {document.Find(pointer)?.Label ?? pointer}");
            }
        }

        /// <summary>One line for a device, however much is said of it.</summary>
        private void RefuseDevice(string pointer)
        {
            if (_refusedDevices.Add(pointer))
            {
                Add(pointer, $"not supported yet: remove {document.Find(pointer)?.Label ?? pointer}");
            }
        }

        public T? Guard<T>(Func<T> make, string pointer = "") where T : class
        {
            try
            {
                return make();
            }
            catch (ConfigurationException error)
            {
                Add(pointer, error.Message);
                return null;
            }
        }

        private static ImmutableHashSet<string> EmptyRecords { get; } =
            ["hugePages", "vsock", "iommu", "redirectionFilter", "transient", "hyperV", "kvm", "memoryBacking"];
    }
}
