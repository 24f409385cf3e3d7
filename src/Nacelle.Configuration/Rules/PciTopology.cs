namespace Nacelle.Configuration;

/// <summary>A PCI address of the guest.</summary>
internal readonly record struct PciPlace(ulong Domain, ulong Bus, ulong Slot, ulong Function)
{
    /// <inheritdoc/>
    public override string ToString() => MachineDevices.PciName(Domain, Bus, Slot, Function);
}

/// <summary>The PCI buses of a configuration and what the board itself has on the root bus. Immutable.</summary>
internal sealed class PciTopology
{
    private readonly Dictionary<ulong, ControllerConfiguration> _buses = [];

    private PciTopology(bool isExpress) => IsExpress = isExpress;

    /// <summary>Whether the board is q35.</summary>
    public bool IsExpress { get; }

    /// <summary>Makes the topology of a configuration.</summary>
    internal static PciTopology Of(MachineConfiguration machine)
    {
        PciTopology topology = new(
            machine.Boot.Machine is string board ? board.Contains("q35", StringComparison.Ordinal)
            : machine.Devices.Controllers.Any(controller => controller.Model == "pcie-root"));
        int next = 0;
        foreach (ControllerConfiguration controller in machine.Devices.Controllers)
        {
            if (controller.Type == ControllerType.Pci)
            {
                int index = controller.Index ?? next;
                next = Math.Max(next, index + 1);
                topology._buses.TryAdd((ulong)index, controller);
            }
        }

        return topology;
    }

    /// <summary>Whether a controller is a root bus beside the board's own.</summary>
    internal static bool IsExpander(ControllerConfiguration controller) =>
        controller is { Type: ControllerType.Pci, Model: "pci-expander-bus" or "pcie-expander-bus" };

    /// <summary>Whether a bus has one slot only: it is behind a root port or a downstream port.</summary>
    internal bool IsBehindPort(ulong bus) => _buses.GetValueOrDefault(bus)?.Model is "pcie-root-port" or "pcie-switch-downstream-port";

    /// <summary>Whether slot 0 of a bus is the bridge's own hot plug controller.</summary>
    internal bool KeepsSlotZero(ulong bus) => bus != 0 && _buses.GetValueOrDefault(bus)?.Model is "pci-bridge" or "pcie-to-pci-bridge";

    /// <summary>Why a device does not fit on a bus; null where it does.</summary>
    internal string? Misfit(ulong bus, DeviceConfiguration device)
    {
        string? model = (device as ControllerConfiguration)?.Model;
        return _buses.GetValueOrDefault(bus)?.Model switch
        {
            "pcie-expander-bus" when model is not ("pcie-root-port" or "dmi-to-pci-bridge") => "only root ports and DMI bridges fit on an expander of PCI Express",
            "pci-expander-bus" when model is not "pci-bridge" => "only bridges fit on an expander",
            "pcie-switch-upstream-port" when model is not "pcie-switch-downstream-port" => "only downstream ports fit on a switch",
            _ => null,
        };
    }

    /// <summary>Where a function of the board's own chips has to be that is described as a controller; null for other devices.</summary>
    internal PciPlace? OwnPlaceOf(DeviceConfiguration device) => (IsExpress, device) switch
    {
        (false, ControllerConfiguration { Type: ControllerType.Ide, Index: 0 or null }) => new PciPlace(0, 0, 1, 1),
        (false, ControllerConfiguration { Type: ControllerType.Usb, Index: 0 or null, Model: "piix3-uhci" }) => new PciPlace(0, 0, 1, 2),
        (true, ControllerConfiguration { Type: ControllerType.Sata, Index: 0 or null }) => new PciPlace(0, 0, 31, 2),
        _ => null,
    };

    /// <summary>What the board itself has at an address of the root bus.</summary>
    /// <param name="place">The address.</param>
    /// <param name="device">The device that is to be there; the board's own functions may be described as such.</param>
    /// <returns>Null for nothing.</returns>
    internal string? BoardDeviceAt(PciPlace place, DeviceConfiguration device)
    {
        if (place is not { Domain: 0, Bus: 0 })
        {
            return null;
        }

        ControllerConfiguration? controller = device as ControllerConfiguration;
        return (IsExpress, place.Slot, place.Function) switch
        {
            (_, 0, 0) => "the host bridge",
            (false, 1, 0) => "the PIIX3 ISA bridge",
            (false, 1, 1) when controller?.Type != ControllerType.Ide => "the PIIX3 IDE controller",
            (false, 1, 2) when controller is not { Type: ControllerType.Usb, Model: null or "piix3-uhci" } => "the place of the PIIX3 USB controller",
            (false, 1, 3) => "the PIIX4 power management",
            (true, 31, 0) => "the LPC bridge",
            (true, 31, 2) when controller?.Type != ControllerType.Sata => "the AHCI controller",
            (true, 31, 3) => "the SMBus controller",
            _ => null,
        };
    }

    /// <summary>Whether the board itself has function 0 of a slot of the root bus.</summary>
    internal bool BoardHasFunctionZero(PciPlace place) =>
        place is { Domain: 0, Bus: 0 } && (place.Slot == 0 || (!IsExpress && place.Slot == 1) || (IsExpress && place.Slot == 31));
}
