using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What is booted, and on which board.</summary>
public sealed record BootConfiguration
{
    /// <summary>Whether firmware is chosen by libvirt: bios or efi.</summary>
    public string? Firmware { get; init; }

    /// <summary>hvm.</summary>
    public string Type { get; init; } = "hvm";

    /// <summary>x86_64 or i686.</summary>
    public string? Architecture { get; init; }

    /// <summary>The board and its version, such as pc-q35-7.2.</summary>
    public string? Machine { get; init; }

    /// <summary>Features that the firmware must or must not have.</summary>
    public ImmutableArray<FirmwareFeatureConfiguration> FirmwareFeatures { get; init; } = [];

    /// <summary>Firmware.</summary>
    public LoaderConfiguration? Loader { get; init; }

    /// <summary>Where firmware keeps its variables.</summary>
    public VariableStoreConfiguration? VariableStore { get; init; }

    /// <summary>A kernel to boot without firmware's help.</summary>
    public string? Kernel { get; init; }

    /// <summary>Its initial RAM disk.</summary>
    public string? Initrd { get; init; }

    /// <summary>Its command line.</summary>
    public string? CommandLine { get; init; }

    /// <summary>A device tree.</summary>
    public string? DeviceTree { get; init; }

    /// <summary>Classes of devices to boot from, in order.</summary>
    public ImmutableArray<BootDeviceConfiguration> Devices { get; init; } = [];

    /// <summary>Whether a menu is shown.</summary>
    public bool? Menu { get; init; }

    /// <summary>Milliseconds that the menu waits.</summary>
    public int? MenuTimeout { get; init; }

    /// <summary>Whether firmware writes to the serial port.</summary>
    public bool? UseSerial { get; init; }

    /// <summary>Milliseconds after which a boot that failed is tried again; -1 for never.</summary>
    public int? RebootTimeout { get; init; }

    /// <summary>emulate, host or sysinfo: where SMBIOS tables come from.</summary>
    public string? SmbiosMode { get; init; }

    /// <summary>A file with an ACPI table for the guest.</summary>
    public string? AcpiTable { get; init; }

    /// <summary>The table's signature, slic.</summary>
    public string? AcpiTableType { get; init; }
}

/// <summary>A class of devices to boot from.</summary>
public sealed record BootDeviceConfiguration
{
    /// <summary>hd, cdrom, network or fd.</summary>
    public string Device { get; init; } = "hd";
}

/// <summary>A feature of firmware.</summary>
public sealed record FirmwareFeatureConfiguration
{
    /// <summary>enrolled-keys or secure-boot.</summary>
    public string Name { get; init; } = "secure-boot";

    /// <summary>Whether it must be there, or must not.</summary>
    public bool Enabled { get; init; }
}

/// <summary>Firmware.</summary>
public sealed record LoaderConfiguration
{
    /// <summary>The file; null where libvirt chooses.</summary>
    public string? Path { get; init; }

    /// <summary>Whether the guest cannot write to it.</summary>
    public bool? ReadOnly { get; init; }

    /// <summary>Whether it needs system management mode.</summary>
    public bool? Secure { get; init; }

    /// <summary>rom or pflash.</summary>
    public string? Type { get; init; }

    /// <summary>Whether it keeps no variables.</summary>
    public bool? Stateless { get; init; }

    /// <summary>raw or qcow2.</summary>
    public string? Format { get; init; }
}

/// <summary>Where firmware keeps its variables.</summary>
public sealed record VariableStoreConfiguration
{
    /// <summary>The file.</summary>
    public string? Path { get; init; }

    /// <summary>What a new one is copied from.</summary>
    public string? Template { get; init; }

    /// <summary>file, block or network.</summary>
    public string? Type { get; init; }

    /// <summary>raw or qcow2.</summary>
    public string? Format { get; init; }

    /// <summary>Where it is, for a type.</summary>
    public StorageSourceConfiguration? Source { get; init; }
}

/// <summary>What the guest finds in SMBIOS tables or fw_cfg.</summary>
public sealed record SystemInformationConfiguration
{
    /// <summary>smbios or fwcfg.</summary>
    public string Type { get; init; } = "smbios";

    /// <summary>Of the firmware (SMBIOS 3.6, section 7.1).</summary>
    public ImmutableArray<SystemInformationEntryConfiguration> Bios { get; init; } = [];

    /// <summary>Of the system (section 7.2).</summary>
    public ImmutableArray<SystemInformationEntryConfiguration> System { get; init; } = [];

    /// <summary>Of base boards (section 7.3).</summary>
    public ImmutableArray<SystemInformationBoardConfiguration> BaseBoards { get; init; } = [];

    /// <summary>Of the chassis (section 7.4).</summary>
    public ImmutableArray<SystemInformationEntryConfiguration> Chassis { get; init; } = [];

    /// <summary>Free strings (section 7.12).</summary>
    public ImmutableArray<SystemInformationEntryConfiguration> OemStrings { get; init; } = [];

    /// <summary>Files of fw_cfg.</summary>
    public ImmutableArray<SystemInformationEntryConfiguration> Entries { get; init; } = [];
}

/// <summary>A base board's entries.</summary>
public sealed record SystemInformationBoardConfiguration
{
    /// <summary>They.</summary>
    public ImmutableArray<SystemInformationEntryConfiguration> Entries { get; init; } = [];
}

/// <summary>One value.</summary>
public sealed record SystemInformationEntryConfiguration
{
    /// <summary>Its name; null for one that has none.</summary>
    public string? Name { get; init; }

    /// <summary>A file that it comes from, for fw_cfg.</summary>
    public string? File { get; init; }

    /// <summary>The value.</summary>
    public string? Value { get; init; }
}
