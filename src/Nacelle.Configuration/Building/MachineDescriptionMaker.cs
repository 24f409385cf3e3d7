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
    public static MachineDescription Make(MachineDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        if (document.Configuration is not MachineConfiguration machine)
        {
            throw new MachineRefusedException([.. document.Problems.Select(problem => new MachineRefusal("", new SourcePlace(problem.Position, ""), problem.Message))]);
        }

        Refusals refusals = new(document);
        foreach (UnknownPart part in document.Unknown)
        {
            refusals.Add(part.Parent, part.Place, $"{part.Place.Label}: nothing here knows what it is: leave it out");
        }

        DomainShape.Domain.Walk(machine, "", refusals);
        CheckNumbers(machine, refusals);
        MachineDescription? description = refusals.Guard(() => Build(machine, refusals));
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
            refusals.Add("/vcpu", Say($"{count} vCPUs: machines of this version have up to {MachineDescription.MaximumVirtualCpus}: give fewer"));
        }

        if (machine.Vcpu.Current is int current && current != count)
        {
            refusals.Add("/vcpu/current", Say($"{current} of {count} vCPUs at start: vCPUs cannot be plugged later: give {current} in all"));
        }

        ulong memory = machine.Memory ?? 0;
        if (memory == 0 || memory % MemoryStep != 0)
        {
            refusals.Add("/memory", $"{SizeText.Describe(memory)} of memory: it has to be a multiple of 2 MiB: give another amount");
        }

        if (machine.CurrentMemory is ulong currentMemory && currentMemory != memory)
        {
            refusals.Add("/currentMemory", $"{SizeText.Describe(currentMemory)} for the balloon to leave: there is no balloon: give {SizeText.Describe(memory)}");
        }

        if (machine.Boot.Kernel is null)
        {
            refusals.Add("/boot", "a guest without <kernel>: there is no firmware yet that could boot from a disk: give <kernel>, and <initrd> and <cmdline> as it needs");
        }

        if (machine.Cpu?.Topology is { } topology && topology.Cores != count)
        {
            refusals.Add("/cpu/topology", Say($"{topology.Cores} cores: there are {count} vCPUs, which are the cores of one socket: give cores='{count}'"));
        }

        if (machine.Accelerator == AcceleratorChoice.Kvm && machine.Nacelle is { CodeCache: not null } or { EvictEvery: not null })
        {
            refusals.Add("/nacelle", "a code cache is the translator's, and the machine is to run on KVM: leave it out");
        }

        CheckConsoles(machine.Devices, refusals);
        if (machine.Devices.Serials.Length > 1)
        {
            refusals.Add("/devices/serials/1", "a second serial port: there is one: leave it out");
        }

        foreach ((int index, ControllerConfiguration controller) in machine.Devices.Controllers.Indexed())
        {
            bool board = controller is { Type: ControllerType.Pci, Model: "pcie-root", Index: null or 0 } or { Type: ControllerType.Usb, Model: "none" };
            if (!board)
            {
                refusals.Add(
                    ConfigurationChange.Pointer("controllers", index), $"{MachineDevices.NameOf(controller)}: machines of this version do not have it: leave it out");
            }
        }

        foreach ((int index, TimerConfiguration timer) in machine.Clock?.Timers.Indexed() ?? [])
        {
            string? reason = timer switch
            {
                { Name: "kvmclock", Present: false } => "no timer kvmclock: a guest on KVM is shown it: leave the timer out",
                // Of the others, delay, discard and merge: ticks that were missed arrive as one, later ones at the normal rate.
                { TickPolicy: "catchup", Name: not "rtc" } =>
                    $"timer {timer.Name} with tickpolicy 'catchup': the real-time clock alone makes up for ticks that were missed: leave the policy out",
                { TickPolicy: not null, Name: not ("rtc" or "pit") } =>
                    $"timer {timer.Name} with tickpolicy '{timer.TickPolicy}': there is no choice of what becomes of its ticks: leave the policy out",
                { Name: "rtc", Present: false } => "no timer rtc: the board has it: leave the timer out",
                _ => null,
            };
            if (reason is not null)
            {
                refusals.Add($"/clock/timers/{index}", reason);
            }
        }
    }

    /// <summary>A console is the first serial port once more; what it says beside that would be ignored.</summary>
    private static void CheckConsoles(DevicesConfiguration devices, Refusals refusals)
    {
        if (devices.Consoles.Length > 1)
        {
            refusals.Add("/devices/consoles/1", "a second console: there is one serial port: leave it out");
        }

        if (devices.Consoles is [ConsoleConfiguration console, ..] && devices.Serials is [SerialConfiguration serial, ..] && console.Type != serial.Type)
        {
            refusals.Add("/devices/consoles/0", "a console that is connected elsewhere than the serial port that it is: leave one out");
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
            refusals.Add(pointer, $"disk {disk.TargetName} without a source: an empty drive makes no disk: give <source>");
        }

        if (DiskBuses.Of(disk) != DiskBus.Virtio && disk.Bus is null)
        {
            refusals.Add(pointer, $"disk {disk.TargetName}: its name says bus {ConfigurationWords.DiskBus.Format(DiskBuses.Of(disk))}, and disks are virtio-blk: give bus='virtio'");
        }

        DiskDriverConfiguration driver = disk.Driver ?? new();
        string policy = driver.ErrorPolicy ?? "report";
        if (driver.ReadErrorPolicy is string read && read != policy)
        {
            refusals.Add($"{pointer}/driver/readErrorPolicy", $"disk {disk.TargetName}: '{read}' for reads and '{policy}' for writes: errors of both do the same: leave one out");
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
            refusals.Add(pointer, "a network interface without a model, which is rtl8139 elsewhere: give <model type='virtio'/>");
        }

        if (network.Type == InterfaceType.Ethernet && network.Target is null)
        {
            refusals.Add(pointer, "a tap without a name: give <target dev='…' managed='no'/>");
        }

        if (network.Type == InterfaceType.Ethernet && (network.PortForwards.Length != 0 || network.BackendType is not null))
        {
            refusals.Add(pointer, "ports forwarded to a tap, or a back end for it: a tap is reached directly: leave <portForward> and <backend> out");
        }

        if (network.Type == InterfaceType.User && network.Target is not null)
        {
            refusals.Add($"{pointer}/target", "a tap for user-mode networking: it has none: leave <target> out, or use type='ethernet'");
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
                $"a serial port of type {ConfigurationWords.CharacterDeviceType.Format(serial.Type)} with a source: it has none: leave <source> out");
        }

        return serial?.Type switch
        {
            null or CharacterDeviceType.Null => SerialDescription.None,
            CharacterDeviceType.StandardStreams => SerialDescription.StandardStreams,
            CharacterDeviceType.File when path is not null => new SerialDescription(SerialKind.File, path),
            CharacterDeviceType.Unix when path is not null => SerialOption.Parse($"socket:{path}"),
            CharacterDeviceType.File or CharacterDeviceType.Unix => throw new ConfigurationException("a serial port without a path: give <source path='…'/>"),
            CharacterDeviceType other => throw new ConfigurationException(
                $"a serial port of type {ConfigurationWords.CharacterDeviceType.Format(other)}: give stdio, file, unix or null"),
        };
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Gathers what is in the way. For one thread.</summary>
    private sealed class Refusals(MachineDocument document) : IShapeVisitor
    {
        public List<MachineRefusal> All { get; } = [];

        public void Add(string pointer, string message) => All.Add(new MachineRefusal(pointer, document.Find(pointer), message));

        public void Add(string pointer, SourcePlace place, string message) => All.Add(new MachineRefusal(pointer, place, message));

        public void Value(string pointer, string text, string? refusal)
        {
            if (MachineSupport.Refuse(pointer, text) is string reason)
            {
                string what = document.Find(pointer) is { } place ? place.Label : pointer;
                string given = text.Length is 0 or > 60 ? what : $"{what} '{text}'";
                Add(pointer, $"{given}: {reason}: leave it out or change it");
            }
        }

        public void Record(string pointer)
        {
            // What a record contains says it all; an empty one asks for nothing but what it is named for.
            if (EmptyRecords.Contains(pointer[(pointer.LastIndexOf('/') + 1)..]))
            {
                Add(pointer, $"{document.Find(pointer)?.Label ?? pointer}: machines of this version do not have it: leave it out");
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
