using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Platform;
using Nacelle.Machine.Board;
using Nacelle.Machine.Interrupts;
using static Nacelle.Machine.Firmware.AmlWriter;

namespace Nacelle.Machine.Firmware;

/// <summary>The DSDT: what cannot be probed, in ACPI machine language.</summary>
internal static class DifferentiatedDescription
{
    internal static byte[] Build(ulong ramSize) => Concat(
        Scope("\\_SB", HostBridge(ramSize), Motherboard(), SerialPort(), Clock(), PanicNotifierDevice()),
        Name("\\_S5", Package(
            Integer(PowerManagementBlock.SoftOffSleepType), Integer(PowerManagementBlock.SoftOffSleepType), Integer(0), Integer(0))));

    private static byte[] HostBridge(ulong ramSize)
    {
        ulong high = PhysicalLayout.HighWindowBase(ramSize);
        return Device(
            "PCI0",
            Name("_HID", EisaId("PNP0A08")),
            Name("_CID", EisaId("PNP0A03")),
            Name("_UID", Integer(0)),
            Name("_CRS", Resources(
                Window(2, 2, 0, PhysicalLayout.LastBus),
                Ports(0xCF8, 8),
                Window(1, 2, 0, 0xCF7),
                Window(1, 2, 0xD00, 0xFFFF),
                Window(0, 4, PhysicalLayout.DeviceWindowBase, PhysicalLayout.DeviceWindowLast),
                Window(0, 8, high, high + PhysicalLayout.HighWindowLength - 1))),
            Name("_PRT", RoutingTable()));
    }

    /// <summary>Pin n of slot s is wired to one of eight IOAPIC pins, spread over the slots.</summary>
    private static byte[] RoutingTable()
    {
        // A package holds at most 255 elements; 31 slots of 4 pins fit.
        List<byte[]> entries = [];
        for (uint slot = 1; slot < 32; slot++)
        {
            for (uint pin = 0; pin < 4; pin++)
            {
                entries.Add(Package(
                    Integer((slot << 16) | 0xFFFF), Integer(pin), Integer(0), Integer((uint)PinOf((int)slot, (int)pin))));
            }
        }

        return Package([.. entries]);
    }

    /// <summary>The global system interrupt of a PCI slot's pin.</summary>
    internal static int PinOf(int slot, int pin) => InterruptRouter.FirstPci + ((slot + pin) & 7);

    private static byte[] Motherboard() => Device(
        "MBRD",
        Name("_HID", EisaId("PNP0C02")),
        Name("_CRS", Resources(
            Ports(0x20, 2),
            Ports(0x40, 4),
            Ports(0x61, 1),
            Ports(SystemControlPort.Port, 1),
            Ports(0xA0, 2),
            Ports(0x4D0, 2),
            FixedMemory((uint)PhysicalLayout.ConfigurationBase, (uint)PhysicalLayout.ConfigurationLength),
            FixedMemory((uint)IoApic.Address, (uint)IoApic.Length),
            FixedMemory((uint)ApicBus.WindowAddress, (uint)ApicBus.WindowLength))));

    private static byte[] SerialPort() => Device(
        "COM1",
        Name("_HID", EisaId("PNP0501")),
        Name("_UID", Integer(1)),
        Name("_CRS", Resources(Ports(0x3F8, 8), Interrupt(4))));

    private static byte[] Clock() => Device(
        "RTC0",
        Name("_HID", EisaId("PNP0B00")),
        Name("_CRS", Resources(Ports(0x70, 2), Interrupt(8))));

    private static byte[] PanicNotifierDevice() => Device(
        "PEVT",
        Name("_HID", Text("QEMU0001")),
        Name("_STA", Integer(0xF)),
        Name("_CRS", Resources(Ports(PanicNotifier.Port, 1))));
}
