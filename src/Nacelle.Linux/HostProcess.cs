using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>The process itself. Stateless.</summary>
public static partial class HostProcess
{
    /// <summary>Ends the process with all of its threads, whatever they wait for, and nothing else of it runs (_exit(2)).</summary>
    /// <param name="code">The exit code.</param>
    public static void EndNow(int code)
    {
        Leftovers.TakeBack();
        Exit(code);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
