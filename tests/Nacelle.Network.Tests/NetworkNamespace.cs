using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Nacelle.Network.Tests;

/// <summary>Runs a test on a thread of its own in a network namespace of its own, which ends with the thread.</summary>
internal static partial class NetworkNamespace
{
    private const int NewNetwork = 0x4000_0000;

    public static void Run(Action test)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                Assert.Null(TryEnter());
                test();
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>Moves the calling thread into a new network namespace; it must end there.</summary>
    /// <returns>Null, or why the host refused.</returns>
    public static string? TryEnter() => Unshare(NewNetwork) == 0
        ? null
        : $"the host refuses a network namespace: {Marshal.GetLastPInvokeErrorMessage()}";

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);
}
