namespace Nacelle.Configuration;

/// <summary>What can be done to a machine that runs.</summary>
public enum MachineOperation
{
    /// <summary>Move it to another host.</summary>
    Migrate,

    /// <summary>Write its state to a file and end it.</summary>
    Save,

    /// <summary>Keep a state of its disks, with or without memory, while it runs.</summary>
    Snapshot,

    /// <summary>Stream, mirror, commit or back up a disk while it runs.</summary>
    BlockJob,

    /// <summary>Add vCPUs.</summary>
    PlugVcpu,

    /// <summary>Take vCPUs away.</summary>
    UnplugVcpu,

    /// <summary>Add or take away memory.</summary>
    PlugMemory,

    /// <summary>Add or take away an I/O thread.</summary>
    PlugIoThread,

    /// <summary>Add a PCI device of several functions.</summary>
    PlugMultifunction,

    /// <summary>Limit a disk's requests.</summary>
    Throttle,

    /// <summary>Write the guest's memory to a file for a debugger.</summary>
    Dump,
}
