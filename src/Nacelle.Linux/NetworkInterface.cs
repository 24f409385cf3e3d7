using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Asks the host about its network interfaces, by name (netdevice(7)).</summary>
/// <remarks>Thread safe; every call counts for the network namespace of the calling thread.</remarks>
public static unsafe partial class NetworkInterface
{
    private const ulong GetTransmissionUnit = 0x8921;

    /// <summary>Whether an interface of this name exists.</summary>
    public static bool Exists(string name) => NameToIndex(name) != 0;

    /// <summary>The largest packet that the interface carries, in bytes without the Ethernet header; null where the host does not say.</summary>
    public static int? TransmissionUnit(string name)
    {
        InterfaceRequest request = InterfaceRequest.For(name);
        return TryControl(GetTransmissionUnit, ref request) ? request.Value : null;
    }

    private static bool TryControl(ulong operation, ref InterfaceRequest request)
    {
        const int internet = 2;
        const int datagramCloseOnExec = 0x80002;
        int socket = CreateSocket(internet, datagramCloseOnExec, 0);
        if (socket < 0)
        {
            return false;
        }

        fixed (InterfaceRequest* argument = &request)
        {
            bool done = IoControl(socket, operation, argument) == 0;
            _ = Close(socket);
            return done;
        }
    }

    [LibraryImport("libc", EntryPoint = "if_nametoindex", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial uint NameToIndex(string name);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoControl(int descriptor, ulong request, void* argument);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
