using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>Operations of io_uring(7) that this program uses; the values are those of the kernel's interface.</summary>
public enum IoUringOperation : byte
{
    /// <summary>preadv2(2).</summary>
    ReadVector = 1,

    /// <summary>pwritev2(2).</summary>
    WriteVector = 2,

    /// <summary>fsync(2), or fdatasync(2) with flag 1.</summary>
    Synchronise = 3,

    /// <summary>fallocate(2): the length stands in the address field and the mode in the length field.</summary>
    Allocate = 17,
}

/// <summary>One submission queue entry, in the kernel's layout (struct io_uring_sqe, 64 bytes).</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct IoUringSubmission
{
    /// <summary>What is to be done.</summary>
    public IoUringOperation Operation;

    /// <summary>IOSQE_* flags.</summary>
    public byte Flags;

    /// <summary>I/O priority.</summary>
    public ushort Priority;

    /// <summary>The file.</summary>
    public int FileDescriptor;

    /// <summary>Byte offset in the file.</summary>
    public ulong Offset;

    /// <summary>Address of the iovec array, or the length for <see cref="IoUringOperation.Allocate"/>.</summary>
    public ulong Address;

    /// <summary>Number of iovecs, or the mode for <see cref="IoUringOperation.Allocate"/>.</summary>
    public uint Length;

    /// <summary>RWF_* or fsync flags.</summary>
    public uint OperationFlags;

    /// <summary>Comes back with the completion.</summary>
    public ulong UserData;
}
