namespace Nacelle.Devices.Pci;

/// <summary>The ISA bridge of the ICH9 south bridge, 00:1f.0: it tells where the ACPI power block is.</summary>
/// <remarks>Fixed registers only; the devices behind it are the board's.</remarks>
public sealed class LpcBridge : PciFunction
{
    /// <summary>First port of the power management block.</summary>
    public const ushort PowerManagementBase = 0x600;

    /// <summary>Declares the bridge; put it at slot 31.</summary>
    public LpcBridge()
        : base("ICH9 LPC bridge", new PciIdentity(0x8086, 0x2918, 0x0601, 2, 0x1AF4, 0x1100, MultiFunction: true))
    {
        // ICH9 datasheet 13.1.13 and 13.1.14: PMBASE is an I/O address, ACPI_CNTL enables it with SCI on IRQ 9.
        Declare32(0x40, PowerManagementBase | 1);
        Declare8(0x44, 0x80);
    }
}
