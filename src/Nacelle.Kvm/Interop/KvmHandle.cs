using Nacelle.Linux;

namespace Nacelle.Kvm.Interop;

/// <summary>A descriptor of /dev/kvm, of a VM or of a vCPU.</summary>
/// <remarks>Thread safe but for <see cref="Dispose"/>; the kernel serialises what needs it.</remarks>
internal sealed unsafe class KvmHandle(int descriptor) : IDisposable
{
    private int _descriptor = descriptor;

    /// <summary>The descriptor; owned by this object.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Calls and returns the kernel's value.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public int Call(uint request, nuint argument, string operation)
    {
        int result = Try(request, argument);
        return result < 0 ? throw LinuxException.FromLastError(operation) : result;
    }

    /// <summary>Calls with a structure and returns the kernel's value.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public int Call(uint request, void* argument, string operation) => Call(request, (nuint)argument, operation);

    /// <summary>Calls; -1 is a refusal, with the reason in the thread's last error.</summary>
    public int Try(uint request, nuint argument)
    {
        int result;
        do
        {
            result = Libc.Ioctl(_descriptor, request, argument);
        }
        while (result < 0 && System.Runtime.InteropServices.Marshal.GetLastPInvokeError() == Libc.EINTR);
        return result;
    }

    /// <summary>Calls with a structure; -1 is a refusal.</summary>
    public int Try(uint request, void* argument) => Try(request, (nuint)argument);

    /// <inheritdoc/>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
        {
            _ = Libc.Close(descriptor);
        }
    }
}
