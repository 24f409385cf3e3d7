namespace Nacelle.Configuration;

/// <summary>CFG.CONTROLLER-MODEL and CFG.DUPLICATE.</summary>
internal static class ListConsistency
{
    private static readonly Dictionary<ControllerType, string[]> s_models = new()
    {
        [ControllerType.Ide] = ["piix3", "piix4", "ich6"],
        [ControllerType.Scsi] =
        [
            "auto", "buslogic", "lsilogic", "lsisas1068", "vmpvscsi", "ibmvscsi", "virtio-scsi", "lsisas1078", "virtio-transitional",
            "virtio-non-transitional", "ncr53c90", "dc390", "am53c974",
        ],
        [ControllerType.VirtioSerial] = ["virtio", "virtio-transitional", "virtio-non-transitional"],
        [ControllerType.Usb] =
        [
            "piix3-uhci", "piix4-uhci", "ehci", "ich9-ehci1", "ich9-uhci1", "ich9-uhci2", "ich9-uhci3", "vt82c686b-uhci", "pci-ohci", "nec-xhci",
            "qusb1", "qusb2", "qemu-xhci", "none",
        ],
        [ControllerType.Pci] =
        [
            "pci-root", "pcie-root", "pci-bridge", "dmi-to-pci-bridge", "pcie-root-port", "pcie-switch-upstream-port", "pcie-switch-downstream-port",
            "pci-expander-bus", "pcie-expander-bus", "pcie-to-pci-bridge",
        ],
    };

    internal static Rule Controllers { get; } = new()
    {
        Id = "CFG.CONTROLLER-MODEL",
        Title = "models of controllers",
        Row = "A controller's model is one of its kind.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "The guest finds the hardware that the model names.",
        Remedy = "Give a model of the list, or none.",
        Evaluate = CheckControllers,
    };

    internal static Rule Duplicates { get; } = new()
    {
        Id = "CFG.DUPLICATE",
        Title = "entries of lists",
        Row = "A feature of the processor, a timer and an I/O thread stand in their list once.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "Of two entries one would be lost, and which one differs between programs.",
        Remedy = "Leave one out.",
        Evaluate = CheckDuplicates,
    };

    private static IEnumerable<RuleMatch> CheckControllers(RuleContext context)
    {
        foreach ((int index, ControllerConfiguration controller) in context.Devices.Controllers.Indexed())
        {
            if (controller is { Type: ControllerType.Pci, Index: 0 or null, Model: "pci-root" or "pcie-root" } && context.Machine.Boot.Machine is not null
                && (controller.Model == "pcie-root") != PciTopology.Of(context.Machine).IsExpress)
            {
                yield return new RuleMatch(
                    $"{ConfigurationChange.Pointer("controllers", index)}/model", $"root bus of model '{controller.Model}'",
                    $"the board {context.Machine.Boot.Machine} has {(controller.Model == "pcie-root" ? "pci-root" : "pcie-root")}", "leave the controller out, or name the board's own model");
            }
            else if (controller.Model is string model && s_models.TryGetValue(controller.Type, out string[]? models) && !models.Contains(model))
            {
                string type = ConfigurationWords.ControllerType.Format(controller.Type);
                string hint = NearestName.Find(model, models) is string nearest ? $"did you mean '{nearest}'? " : "";
                yield return new RuleMatch(
                    $"{ConfigurationChange.Pointer("controllers", index)}/model", $"{type} controller of model '{model}'", "there is no such model",
                    $"{hint}give one of {string.Join(", ", models)}");
            }
        }
    }

    private static IEnumerable<RuleMatch> CheckDuplicates(RuleContext context)
    {
        MachineConfiguration machine = context.Machine;
        return
        [
            .. Repeated(machine.Cpu?.Features.Select(feature => feature.Name) ?? [], "/cpu/features", "name", "feature"),
            .. Repeated(machine.Clock?.Timers.Select(timer => timer.Name) ?? [], "/clock/timers", "name", "timer"),
            .. RepeatedHostDevices(context.Devices),
            .. Repeated(machine.IoThreadIds.Select(thread => thread.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)), "/ioThreadIds", "id", "I/O thread"),
        ];
    }

    /// <summary>One device of the host has one guest, and one place in it.</summary>
    private static IEnumerable<RuleMatch> RepeatedHostDevices(DevicesConfiguration devices)
    {
        HashSet<string> seen = new(StringComparer.OrdinalIgnoreCase);
        foreach ((int index, HostDeviceConfiguration device) in devices.HostDevices.Indexed())
        {
            string? name = device switch
            {
                { Type: HostDeviceType.Pci, Source: { Bus: not null, Slot: not null } source } => $"PCI device {MachineDevices.PciName(source)}",
                { Type: HostDeviceType.Mediated, Source.Uuid: string uuid } => $"mediated device {uuid}",
                { Type: HostDeviceType.Usb, Source: { Bus: ulong bus, Device: ulong number } } => $"USB device {bus}:{number}",
                _ => null,
            };
            if (name is not null && !seen.Add(name))
            {
                yield return new RuleMatch(
                    ConfigurationChange.Pointer("hostDevices", index), $"{MachineDevices.NameOf(device)} once more", "it is assigned to this guest already", "leave one out");
            }
        }
    }

    private static IEnumerable<RuleMatch> Repeated(IEnumerable<string> names, string list, string property, string what)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        int index = 0;
        foreach (string name in names)
        {
            if (!seen.Add(name))
            {
                yield return new RuleMatch($"{list}/{index}/{property}", $"{what} {name} once more", "it stands in the list already", "leave one out");
            }

            index++;
        }
    }
}
