using System.Collections.Immutable;
using System.Text;
using Nacelle.Configuration;

namespace Nacelle;

/// <summary>A line of /proc/self/mountinfo (proc_pid_mountinfo(5)).</summary>
/// <param name="Device">Major and minor number, "8:1"; of file systems without a device, 0 and a number.</param>
/// <param name="Mount">What rules see of it.</param>
internal sealed record MountedFileSystem(string Device, HostMount Mount);

/// <summary>Reads the table of mounts. Stateless.</summary>
internal static class MountTableReader
{
    /// <summary>File systems in which the kernel shows itself, and which hold nobody's files.</summary>
    private static readonly HashSet<string> s_virtual = new(StringComparer.Ordinal)
    {
        "proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "pstore", "bpf", "configfs", "fusectl",
        "mqueue", "autofs", "binfmt_misc", "efivarfs", "nsfs", "rpc_pipefs", "selinuxfs", "sockfs", "pipefs", "resctrl", "xenfs",
    };

    /// <summary>All that hold files, in the order in which they were mounted.</summary>
    internal static ImmutableArray<MountedFileSystem> Read(HostTree tree) =>
        [.. tree.Lines("/proc/self/mountinfo").Select(Parse).OfType<MountedFileSystem>().Where(mounted => !s_virtual.Contains(mounted.Mount.FileSystem))];

    /// <summary>Reads a line; null where it is none.</summary>
    internal static MountedFileSystem? Parse(string line)
    {
        string[] words = line.Split(' ');
        int separator = Array.IndexOf(words, "-", Math.Min(6, words.Length));
        return words.Length >= 10 && separator > 0 && separator + 3 < words.Length && words[4].StartsWith('/')
            ? new MountedFileSystem(words[2], new HostMount
            {
                MountPoint = Unescape(words[4]),
                FileSystem = words[separator + 1],
                Source = Unescape(words[separator + 2]),
                IsReadOnly = words[5].Split(',').Contains("ro") || words[separator + 3].Split(',').Contains("ro"),
            })
            : null;
    }

    /// <summary>Blanks, tabs, line ends and backslashes stand as three octal digits.</summary>
    private static string Unescape(string word)
    {
        if (!word.Contains('\\', StringComparison.Ordinal))
        {
            return HostTree.Clean(word);
        }

        StringBuilder text = new();
        for (int i = 0; i < word.Length; i++)
        {
            if (word[i] == '\\' && i + 3 < word.Length && IsOctal(word.AsSpan(i + 1, 3)))
            {
                text.Append((char)(((word[i + 1] - '0') << 6) | ((word[i + 2] - '0') << 3) | (word[i + 3] - '0')));
                i += 3;
            }
            else
            {
                text.Append(word[i]);
            }
        }

        return HostTree.Clean(text.ToString());
    }

    private static bool IsOctal(ReadOnlySpan<char> digits) => digits.IndexOfAnyExceptInRange('0', '7') < 0;
}
