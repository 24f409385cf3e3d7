using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>Writes files of which readers see what was there before, or all of the new. Stateless.</summary>
internal static class OutputFile
{
    /// <summary>Writes a file; a failure leaves nothing behind. A device or pipe is written to, and stays what it is.</summary>
    /// <param name="path">The file; one that is there is replaced.</param>
    /// <param name="bytes">All of it.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    internal static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        // What a link names is replaced, not the link.
        string target = new FileInfo(path).LinkTarget is null
            ? Path.GetFullPath(path)
            : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        if (Directory.Exists(target))
        {
            throw new IOException($"'{path}' is a directory: name a file");
        }

        if (HostFile.KindOf(target) == HostFileKind.BlockDevice)
        {
            throw new IOException($"'{path}' is a block device, whose contents would be lost: name a file");
        }

        if (HostFile.IsLocked(target) is HostFileIdentity locked)
        {
            throw new IOException($"'{path}' is in use, {FileLockHolder.Describe(locked)} has it locked: name another file");
        }

        // Replacing a device by a file would take it away from everybody.
        if (HostFile.KindOf(target) is not (null or HostFileKind.Regular))
        {
            using FileStream device = new(target, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            device.Write(bytes);
            return;
        }

        string temporary = $"{target}.{Environment.ProcessId}.new";
        try
        {
            using (FileStream file = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                file.Write(bytes);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
