using System.Globalization;
using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>What .NET does not tell of this process's signals. Safe from any thread.</summary>
public static partial class HostSignal
{
    /// <summary>Stops this process as SIGSTOP does; returns when it goes on.</summary>
    public static void StopSelf()
    {
        const int stop = 19;
        _ = Kill(Environment.ProcessId, stop);
    }

    /// <summary>Whether the process was started with a signal ignored, as nohup(1) does, and has not changed that.</summary>
    /// <param name="signal">The host's number of the signal, 1 to 64.</param>
    public static bool IsIgnored(int signal)
    {
        const string key = "SigIgn:";
        try
        {
            foreach (string line in File.ReadLines("/proc/self/status"))
            {
                if (line.StartsWith(key, StringComparison.Ordinal))
                {
                    ulong mask = ulong.Parse(line.AsSpan(key.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                    return (mask >> (signal - 1) & 1) != 0;
                }
            }
        }
        catch (IOException)
        {
            // Without /proc nothing is known to be ignored.
        }

        return false;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
