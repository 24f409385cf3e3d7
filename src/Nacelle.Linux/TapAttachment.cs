using System.Runtime.InteropServices;
using System.Text;

namespace Nacelle.Linux;

/// <summary>Offloads that the reader of a tap accepts; the values are those of TUNSETOFFLOAD.</summary>
[Flags]
public enum TapOffloads : uint
{
    /// <summary>Every frame is whole and has its checksum.</summary>
    None = 0,

    /// <summary>TUN_F_CSUM: checksums may be left to the reader.</summary>
    Checksum = 1,

    /// <summary>TUN_F_TSO4: TCP segments over IPv4 may exceed the MTU.</summary>
    Tcp4 = 2,

    /// <summary>TUN_F_TSO6: the same over IPv6.</summary>
    Tcp6 = 4,

    /// <summary>TUN_F_TSO_ECN: such segments may have ECN set.</summary>
    TcpCongestion = 8,

    /// <summary>TUN_F_UFO: UDP datagrams may exceed the MTU.</summary>
    Udp = 16,
}

/// <summary>One queue of a tap interface (/dev/net/tun): Ethernet frames, each behind a virtio-net header of 12 bytes.</summary>
/// <remarks>Non-blocking. Thread safe but for <see cref="Dispose"/>; the interface outlives the object only where it is persistent.</remarks>
public sealed unsafe partial class TapAttachment : IDisposable
{
    /// <summary>Bytes of struct virtio_net_hdr_v1 before each frame.</summary>
    public const int HeaderSize = 12;

    private const ulong SetInterface = 0x4004_54CA;
    private const ulong SetOffload = 0x4004_54D0;
    private const ulong SetHeaderSize = 0x4004_54D8;
    private const ulong SetQueue = 0x4004_54D9;
    private const ulong SetLittleEndian = 0x4004_54DC;
    private const short TapMode = 0x0002;
    private const short NoPacketInformation = 0x1000;
    private const short VirtioHeader = 0x4000;
    private const short MultiQueue = 0x0100;
    private const short AttachQueue = 0x0200;
    private const short DetachQueue = 0x0400;
    private int _descriptor;

    private TapAttachment(int descriptor) => _descriptor = descriptor;

    /// <summary>The descriptor; owned by this object.</summary>
    public int FileDescriptor => _descriptor;

    /// <summary>Attaches to a tap interface, or makes it where there is none and the user may.</summary>
    /// <param name="name">The interface's name, 1 to 15 bytes.</param>
    /// <param name="multiQueue">Whether the interface is one for several queues; it has to agree with how it was made.</param>
    /// <exception cref="LinuxException">The host refused; <see cref="LinuxException.ErrorNumber"/> says why.</exception>
    public static TapAttachment Open(string name, bool multiQueue)
    {
        const int readWriteNonBlockingCloseOnExec = 0x80802;
        int descriptor = OpenFile("/dev/net/tun", readWriteNonBlockingCloseOnExec);
        if (descriptor < 0)
        {
            throw LinuxException.FromLastError("open /dev/net/tun");
        }

        TapAttachment queue = new(descriptor);
        try
        {
            InterfaceRequest request = InterfaceRequest.For(name);
            request.Flags = (short)(TapMode | NoPacketInformation | VirtioHeader | (multiQueue ? MultiQueue : 0));
            queue.Control(SetInterface, &request, $"attach to tap interface '{name}'");
            int size = HeaderSize;
            queue.Control(SetHeaderSize, &size, "set the header size of a tap");
            int yes = 1;
            queue.Control(SetLittleEndian, &yes, "set the byte order of a tap");
            return queue;
        }
        catch
        {
            queue.Dispose();
            throw;
        }
    }

    /// <summary>Says which offloads the reader accepts; counts for the whole interface.</summary>
    /// <returns>False where the host knows not all of them; nothing changed then.</returns>
    public bool TrySetOffloads(TapOffloads offloads) =>
        IoControl(_descriptor, SetOffload, (void*)(nuint)(uint)offloads) == 0;

    /// <summary>Lets a queue of a multi-queue interface take part in traffic, or not; a queue begins attached.</summary>
    /// <returns>False where the host refused.</returns>
    public bool TrySetAttached(bool attached)
    {
        InterfaceRequest request = default;
        request.Flags = attached ? AttachQueue : DetachQueue;
        return IoControl(_descriptor, SetQueue, &request) == 0;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        int descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
        {
            _ = Close(descriptor);
        }
    }

    private void Control(ulong request, void* argument, string operation)
    {
        if (IoControl(_descriptor, request, argument) != 0)
        {
            throw LinuxException.FromLastError(operation);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoControl(int descriptor, ulong request, void* argument);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}

/// <summary>struct ifreq (netdevice(7)) with the fields that this program uses.</summary>
[StructLayout(LayoutKind.Explicit, Size = 40)]
internal unsafe struct InterfaceRequest
{
    private const int NameSize = 16;

    [FieldOffset(0)]
    private fixed byte _name[NameSize];

    [FieldOffset(NameSize)]
    public short Flags;

    [FieldOffset(NameSize)]
    public int Value;

    /// <exception cref="ArgumentException">The name is empty or longer than 15 bytes.</exception>
    public static InterfaceRequest For(string name)
    {
        InterfaceRequest request = default;
        int length = Encoding.UTF8.GetByteCount(name);
        if (length is 0 or >= NameSize)
        {
            throw new ArgumentException($"'{name}' cannot name a network interface; use 1 to 15 bytes", nameof(name));
        }

        Encoding.UTF8.GetBytes(name, new Span<byte>(request._name, NameSize));
        return request;
    }
}
