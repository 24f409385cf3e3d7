using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>C2.PCI, and the traps of PCI addresses.</summary>
internal static class PciRules
{
    private const ulong Slots = 32;
    private const ulong Functions = 8;

    internal static Rule Addresses { get; } = new()
    {
        Id = "C2.PCI",
        Title = "PCI addresses",
        Row = "A PCI bus has 32 slots with 8 functions each; each bridge adds a bus; built-in devices have addresses of the root bus.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Configuration,
        Explanation = "An address outside the bus does not exist, and one that is taken has its holder.",
        Remedy = "Take another address, or leave the address out: a free one is then chosen.",
        Evaluate = CheckAddresses,
    };

    internal static Rule SlotBehindPort { get; } = new()
    {
        Id = "TRAP.SLOT-BEHIND-PORT",
        Title = "slot behind a port",
        Row = "A root port or downstream port leads to one slot, number 0.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "PCI Express has one device at the other end of a link. QEMU takes a device at slot 1 behind a port, and no guest ever sees it.",
        Remedy = "Use slot 0.",
        Evaluate = CheckSlotBehindPort,
    };

    internal static Rule FunctionZeroAbsent { get; } = new()
    {
        Id = "TRAP.FUNCTION-0-ABSENT",
        Title = "function 0",
        Row = "A slot of several functions has function 0.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "Guests look at function 0 first and take the slot for empty where it is absent (PCI 3.0, section 3.2.2.3.4).",
        Remedy = "Put a device at function 0, with multifunction='on'.",
        Evaluate = CheckFunctionZero,
    };

    internal static Rule ExpanderBusZero { get; } = new()
    {
        Id = "TRAP.EXPANDER-BUS-0",
        Title = "bus number of an expander",
        Row = "Bus 0 is the board's own root bus.",
        Kind = RuleKind.Trap,
        Subject = RuleSubject.Configuration,
        Explanation = "QEMU takes bus number 0 for an expander, whose devices then collide with those of the root bus.",
        Remedy = "Give a number from 1 to 254, far from those that firmware counts up to.",
        Evaluate = context => context.Devices.Controllers.Indexed()
            .Where(pair => PciTopology.IsExpander(pair.Item) && pair.Item.BusNumber == 0)
            .Select(pair => new RuleMatch(
                $"{ConfigurationChange.Pointer("controllers", pair.Index)}/busNumber", $"{pair.Item.Model} with bus number 0",
                "bus 0 is the board's own root bus", "give a number such as 254")
            {
                Correct = Correction.OfItem(MachineLists.Controllers, pair.Index, old => old with { BusNumber = 254 }),
                Shown = ConfigurationChange.Pointer("controllers", pair.Index),
            }),
    };

    private static IEnumerable<RuleMatch> CheckAddresses(RuleContext context)
    {
        PciTopology topology = PciTopology.Of(context.Machine);
        Dictionary<PciPlace, PlacedDevice> taken = [];
        foreach ((PciPlace place, PlacedDevice device) in BoardPlaces(context, topology))
        {
            taken.TryAdd(place, device);
        }

        HashSet<(ulong, ulong, ulong)> alone = [.. AloneInSlot(context)];
        foreach ((PlacedDevice device, PciPlace place) in Places(context))
        {
            string pointer = $"{device.Pointer}/address";
            string? reason =
                place.Domain != 0 ? string.Create(CultureInfo.InvariantCulture, $"domain 0x{place.Domain:x} does not exist: the guest has one PCI segment, 0")
                : place.Slot >= Slots ? string.Create(CultureInfo.InvariantCulture, $"slot 0x{place.Slot:x} does not exist: a bus has 32 slots, 0 to 0x1f")
                : place.Function >= Functions ? string.Create(CultureInfo.InvariantCulture, $"function {place.Function} does not exist: a slot has 8 functions, 0 to 7")
                : topology.OwnPlaceOf(device.Device) is PciPlace own && own != place ? $"it is part of the board, at {own}"
                : topology.Misfit(place.Bus, device.Device) is string misfit ? misfit
                : place.Function != 0 && alone.Contains((place.Domain, place.Bus, place.Slot)) ? "function 0 of the slot says that it is the only one: it has no multifunction='on'"
                : place.Slot == 0 && topology.KeepsSlotZero(place.Bus) ? "slot 0 of a bridge is its own hot plug controller"
                : topology.BoardDeviceAt(place, device.Device) is string board ? $"{place} is taken by {board} of the board"
                : taken.TryGetValue(place, out PlacedDevice? holder) ? $"{place} is taken by {holder.Label}"
                : null;
            if (reason is not null)
            {
                yield return new RuleMatch(pointer, $"{device.Label} at {place}", reason, "take a free address, or leave the address out: one is chosen then")
                {
                    Shown = device.Pointer,
                };
            }
            else
            {
                taken.Add(place, device);
            }
        }
    }

    /// <summary>Slots whose function 0 says that there are no others. libvirt says multifunction where nobody did; QEMU's arguments are taken as they are.</summary>
    private static IEnumerable<(ulong Domain, ulong Bus, ulong Slot)> AloneInSlot(RuleContext context)
    {
        bool isLiteral = context.Document.Form == MachineDocumentForm.QemuArguments;
        return Places(context)
            .Where(found => found.Place.Function == 0
                && (found.Device.Device.Address!.Multifunction == false || (isLiteral && found.Device.Device.Address.Multifunction is null)))
            .Select(found => (found.Place.Domain, found.Place.Bus, found.Place.Slot));
    }

    /// <summary>
    /// Devices that QEMU's board makes before those of -device: a display adapter, then network cards, each in the first slot that is free.
    /// </summary>
    private static IEnumerable<(PciPlace Place, PlacedDevice Device)> BoardPlaces(RuleContext context, PciTopology topology)
    {
        if (context.Document.Form != MachineDocumentForm.QemuArguments)
        {
            yield break;
        }

        ulong slot = topology.IsExpress ? 1UL : 2UL;

        // What nobody asked for stands where the arguments begin.
        SourcePosition start = context.Document.Places.Values.Select(place => place.Position).Where(position => position.IsKnown).DefaultIfEmpty().MinBy(position => (position.Line, position.Column));
        foreach (PlacedDevice device in MachineDevices.All(context.Devices)
            .Where(device => device.Device is VideoConfiguration { Model: not "none" } or InterfaceConfiguration && device.Device.Address is null)
            .OrderBy(device => device.Device is VideoConfiguration ? 0 : 1))
        {
            SourcePlace? found = context.Document.Find(device.Pointer);
            string label = found?.Label ?? "";
            if ((found?.Position == start && !label.StartsWith("-device", StringComparison.Ordinal)) || label.StartsWith("-vga", StringComparison.Ordinal)
                || label.StartsWith("-nic", StringComparison.Ordinal) || label.StartsWith("-net ", StringComparison.Ordinal))
            {
                yield return (new PciPlace(0, 0, slot++, 0), device with { Label = $"{device.Label}, which the board makes" });
            }
        }
    }

    private static IEnumerable<RuleMatch> CheckSlotBehindPort(RuleContext context)
    {
        PciTopology topology = PciTopology.Of(context.Machine);
        return Places(context)
            .Where(found => found.Place.Slot != 0 && topology.IsBehindPort(found.Place.Bus))
            .Select(found => new RuleMatch(
                $"{found.Device.Pointer}/address", $"{found.Device.Label} at {found.Place}", "behind a port there is slot 0 alone: the guest would never see it",
                "use slot 0")
            {
                Shown = found.Device.Pointer,
            });
    }

    private static IEnumerable<RuleMatch> CheckFunctionZero(RuleContext context)
    {
        PciTopology topology = PciTopology.Of(context.Machine);
        foreach (IGrouping<(ulong Domain, ulong Bus, ulong Slot), (PlacedDevice Device, PciPlace Place)> slot in
            Places(context).GroupBy(found => (found.Place.Domain, found.Place.Bus, found.Place.Slot)))
        {
            (PlacedDevice device, PciPlace place) = slot.First();

            // An address that does not exist is C2.PCI's.
            if (slot.All(found => found.Place.Function is > 0 and < Functions) && place.Slot < Slots && !topology.BoardHasFunctionZero(place))
            {
                yield return new RuleMatch(
                    $"{device.Pointer}/address", $"{device.Label} at {place}",
                    "function 0 of the slot is empty, and guests take such a slot for empty", "put a device at function 0, with multifunction='on', or move this one there")
                {
                    Shown = device.Pointer,
                };
            }
        }
    }

    /// <summary>All PCI addresses that are given, in the order of the text.</summary>
    private static IEnumerable<(PlacedDevice Device, PciPlace Place)> Places(RuleContext context) => MachineDevices.All(context.Devices)
        .Where(device => device.Device.Address is { Type: DeviceAddressType.Pci, Slot: not null } address && !IsChosen(context, address) && !IsSerialPort(context, device))
        .Select(device => (Device: device, Place: PlaceOf(device.Device.Address!)))
        .OrderBy(found => context.PositionOf(found.Device.Pointer + "/address").Line)
        .ThenBy(found => context.PositionOf(found.Device.Pointer + "/address").Column);

    /// <summary>To libvirt an address of zeros is none: one is chosen.</summary>
    private static bool IsChosen(RuleContext context, DeviceAddress address) =>
        context.Document.Form is MachineDocumentForm.DomainXml or MachineDocumentForm.Json
        && address is { Domain: null or 0, Bus: null or 0, Slot: 0, Function: null or 0 };

    /// <summary>The first console is the first serial port, described once more.</summary>
    private static bool IsSerialPort(RuleContext context, PlacedDevice device) => device.Device is ConsoleConfiguration console
        && context.Devices.Serials.Length != 0 && ReferenceEquals(console, context.Devices.Consoles[0]) && console.TargetType is null or "serial";

    private static PciPlace PlaceOf(DeviceAddress address) =>
        new(address.Domain ?? 0, address.Bus ?? 0, address.Slot ?? 0, address.Function ?? 0);
}
