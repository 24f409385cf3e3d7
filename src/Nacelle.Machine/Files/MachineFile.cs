using Nacelle.Linux;

namespace Nacelle.Machine;

/// <summary>What a machine, or the program around it, does to a file.</summary>
public enum MachineFileUse
{
    /// <summary>Reads it, at the start or at a reset.</summary>
    Read,

    /// <summary>Lets the guest write in place: a disk.</summary>
    Disk,

    /// <summary>Makes it anew: a log, a listing.</summary>
    Output,

    /// <summary>Writes to it as it was handed over: standard output and standard error.</summary>
    Stream,
}

/// <summary>A file and its part in a machine.</summary>
/// <param name="What">What it is, for a sentence: "disk", "kernel", "serial file".</param>
/// <param name="Path">Its name, or what stands for one in messages.</param>
/// <param name="Use">What is done to it.</param>
/// <param name="Descriptor">Where it is open already; -1 where it is known by its path.</param>
public sealed record MachineFile(string What, string Path, MachineFileUse Use, int Descriptor = -1)
{
    /// <summary>Which file it is; null where there is none yet, or where it is a pipe, terminal or other device without contents.</summary>
    internal HostFileIdentity? Identity => Descriptor >= 0 ? HostFileIdentity.Of(Descriptor) : HostFileIdentity.Of(Path);

    /// <summary>For a sentence.</summary>
    internal string Title => Descriptor >= 0 ? What : $"{What} '{Path}'";
}
