namespace Nacelle.Configuration;

/// <summary>How a value of QEMU's command line and the value of domain XML that it stands for are written.</summary>
internal enum QemuValueKind
{
    /// <summary>The same text.</summary>
    Text,

    /// <summary>on or off in both.</summary>
    OnOff,

    /// <summary>on or off, yes or no in XML.</summary>
    YesNo,

    /// <summary>on or off, an empty element or none in XML.</summary>
    Flag,

    /// <summary>A whole number.</summary>
    Number,

    /// <summary>A whole number, hexadecimal in QEMU.</summary>
    Hexadecimal,

    /// <summary>A size, an element with a unit in XML.</summary>
    Size,

    /// <summary>A size, bytes in XML.</summary>
    Bytes,

    /// <summary>A size, KiB in XML.</summary>
    Kibibytes,

    /// <summary>MiB in QEMU, KiB in XML.</summary>
    Mebibytes,
}
