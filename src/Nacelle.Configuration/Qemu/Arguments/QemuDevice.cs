namespace Nacelle.Configuration;

/// <summary>What kind of bus a device of QEMU sits on.</summary>
internal enum QemuBus
{
    /// <summary>PCI, conventional or Express.</summary>
    Pci,

    /// <summary>SCSI.</summary>
    Scsi,

    /// <summary>IDE or SATA.</summary>
    Ide,

    /// <summary>USB.</summary>
    Usb,

    /// <summary>ISA.</summary>
    Isa,

    /// <summary>A port of virtio-serial.</summary>
    VirtioSerial,

    /// <summary>The floppy controller.</summary>
    Floppy,

    /// <summary>A slot for smart cards.</summary>
    SmartCard,

    /// <summary>None, or a slot for memory.</summary>
    None,
}

/// <summary>A device of QEMU and the element of domain XML that it stands for. Immutable.</summary>
/// <param name="Driver">QEMU's name.</param>
/// <param name="Element">Name of the element.</param>
/// <param name="Bus">Where it sits.</param>
/// <param name="Fixed">What the name alone says: path=value pairs.</param>
/// <param name="Properties">What is said beside.</param>
internal sealed record QemuDevice(string Driver, string Element, QemuBus Bus, string[] Fixed, params QemuProperty[] Properties)
{
    /// <summary>The name alone, as paths and values.</summary>
    public IEnumerable<(string Path, string Value)> FixedValues => Fixed.Select(text =>
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        return (text[..equals], text[(equals + 1)..]);
    });
}
