using Nacelle.Linux;

namespace Nacelle.Machine;

/// <summary>Refuses machines in which one part would write over the file of another. Stateless.</summary>
/// <remarks>
/// Files are compared by what they are, not by name, and through loop devices, partitions and mapped devices. Checked before anything is
/// opened for writing; files that other processes use are kept by locks.
/// </remarks>
internal static class MachineFiles
{
    /// <summary>Checks all files of a machine against each other.</summary>
    /// <param name="description">The machine.</param>
    /// <param name="others">Files of the program around it.</param>
    /// <exception cref="MachineException">Two of them are one, and one of these is written.</exception>
    internal static void Check(MachineDescription description, IEnumerable<MachineFile> others)
    {
        List<Known> known = [];
        foreach (MachineFile file in Of(description).Concat(others))
        {
            Known added = new(file);
            foreach (Known earlier in known)
            {
                if (!MayShare(earlier.File.Use, file.Use) && added.Touches(earlier))
                {
                    throw new MachineException(MachineErrorKind.Configuration, Refusal(earlier.File, file));
                }
            }

            known.Add(added);
        }
    }

    private static IEnumerable<MachineFile> Of(MachineDescription description)
    {
        yield return new MachineFile("kernel", description.KernelPath, MachineFileUse.Read);
        if (description.InitrdPath is string initrd)
        {
            yield return new MachineFile("initrd", initrd, MachineFileUse.Read);
        }

        foreach (DiskDescription disk in description.Disks)
        {
            yield return disk.ReadOnly
                ? new MachineFile("read-only disk", disk.Path, MachineFileUse.Read)
                : new MachineFile("disk", disk.Path, MachineFileUse.Disk);
        }

        if (description.Serial is { Kind: SerialKind.File, Path: string serial })
        {
            yield return new MachineFile("serial file", serial, MachineFileUse.Output);
        }
    }

    /// <summary>Readers share with readers; where streams were sent is the business of whoever sent them, but for files with contents to lose.</summary>
    private static bool MayShare(MachineFileUse one, MachineFileUse other) => (one, other) switch
    {
        (MachineFileUse.Read, MachineFileUse.Read) => true,
        (MachineFileUse.Stream, MachineFileUse.Stream or MachineFileUse.Output) => true,
        (MachineFileUse.Output, MachineFileUse.Stream) => true,
        _ => false,
    };

    private static string Refusal(MachineFile earlier, MachineFile later) => (earlier.Use, later.Use) switch
    {
        (MachineFileUse.Disk, MachineFileUse.Disk) when earlier.Path == later.Path =>
            $"disk '{earlier.Path}' is given twice: remove one, or add readonly=on to both",
        (MachineFileUse.Disk, MachineFileUse.Disk) =>
            $"{earlier.Title} and {later.Title} are one: leave one out, or add readonly=on to both",
        (MachineFileUse.Disk, MachineFileUse.Read) or (MachineFileUse.Read, MachineFileUse.Disk) =>
            $"{earlier.Title} and {later.Title} are one, and the guest would write to it: add readonly=on to the disk, or name a copy",
        (MachineFileUse.Stream, _) => $"{earlier.Title} goes to {later.Title}: send it elsewhere",
        (_, MachineFileUse.Stream) => $"{later.Title} goes to {earlier.Title}: send it elsewhere",
        _ => $"{later.Title} would overwrite {earlier.Title}: choose another file",
    };

    /// <summary>A file, with what can be asked of the host only once.</summary>
    private sealed class Known(MachineFile file)
    {
        private readonly HostFileIdentity? _identity = file.Identity;
        private readonly IReadOnlySet<HostFileIdentity> _layers = file.Identity?.WithUnderlying() ?? new HashSet<HostFileIdentity>();

        // Two outputs that are still to be made have nothing but their names.
        private readonly string? _path = file.Descriptor >= 0 || file.Identity is not null ? null : HostPath.ResolveExisting(file.Path);

        internal MachineFile File => file;

        internal bool Touches(Known other) =>
            (_identity is { } own && other._layers.Contains(own))
            || (other._identity is { } its && _layers.Contains(its))
            || (_path is not null && _path == other._path && HostFile.KindOf(_path) is null);
    }
}
