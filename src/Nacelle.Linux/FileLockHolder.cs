using System.Globalization;

namespace Nacelle.Linux;

/// <summary>Finds who holds a lock on a file, for error messages.</summary>
public static class FileLockHolder
{
    /// <summary>Who holds a lock on a file, for a sentence: "process 42" or "another process"; "this process" for the caller's own.</summary>
    public static string Describe(HostFileIdentity file) => file.IsBlockDevice ? "another process" : Describe(file.Inode);

    /// <summary>As <see cref="Describe(HostFileIdentity)"/>, by the number of the file.</summary>
    public static string Describe(ulong inode) => Find(inode) switch
    {
        null => "another process",
        int process when process == Environment.ProcessId => "this process",
        int process => string.Create(CultureInfo.InvariantCulture, $"process {process}"),
    };

    /// <summary>Looks through the lock lines of proc_pid_fdinfo(5); /proc/locks has no pid for open-file-description locks.</summary>
    /// <returns>Null when no process that this user may inspect holds one.</returns>
    public static int? Find(ulong inode)
    {
        string suffix = string.Create(CultureInfo.InvariantCulture, $":{inode} ");
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                && Holds(directory + "/fdinfo", suffix))
            {
                return process;
            }
        }

        return null;
    }

    private static bool Holds(string directory, string suffix)
    {
        try
        {
            foreach (string file in Directory.EnumerateFiles(directory))
            {
                foreach (string line in File.ReadLines(file))
                {
                    if (line.StartsWith("lock:", StringComparison.Ordinal) && line.Contains(suffix, StringComparison.Ordinal))
                    {
                        return true;
                    }
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Processes and descriptors end while one looks; those of other users are closed to us.
        }

        return false;
    }
}
