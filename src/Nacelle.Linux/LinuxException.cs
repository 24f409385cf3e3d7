using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>A system call of the host failed.</summary>
/// <param name="operation">What was being done, in the words of the caller.</param>
/// <param name="errorNumber">The value of <c>errno</c>.</param>
public sealed class LinuxException(string operation, int errorNumber)
    : IOException($"{operation}: {Marshal.GetPInvokeErrorMessage(errorNumber)}")
{
    /// <summary>What was being done when the call failed.</summary>
    public string Operation { get; } = operation;

    /// <summary>The value of <c>errno</c>, see errno(3).</summary>
    public int ErrorNumber { get; } = errorNumber;

    /// <summary>Builds the exception from the calling thread's <c>errno</c>.</summary>
    public static LinuxException FromLastError(string operation) => new(operation, Marshal.GetLastPInvokeError());
}
