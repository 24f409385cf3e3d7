using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>A stretch of host memory for vectored I/O, in the layout of struct iovec.</summary>
/// <remarks>Not a record: the printing that a record brings cannot be compiled ahead of time for a member that is a pointer.</remarks>
/// <param name="address">First byte.</param>
/// <param name="length">Bytes.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly unsafe struct IoVector(nint address, nuint length)
{
    /// <summary>First byte.</summary>
    public readonly nint Address = address;

    /// <summary>Bytes.</summary>
    public readonly nuint Length = length;

    /// <summary>The most vectors of one call (UIO_MAXIOV).</summary>
    public const int MaximumCount = 1024;

    /// <summary>The first byte.</summary>
    public byte* Pointer => (byte*)Address;
}

/// <summary>Vectored reads and writes of descriptors that have no position: sockets, taps, pipes.</summary>
/// <remarks>Thread safe. The vectors must stay where they are, in native or pinned memory.</remarks>
public static unsafe partial class VectoredIo
{
    /// <summary>EAGAIN: nothing to read, or no room to write, on a non-blocking descriptor.</summary>
    public const int WouldBlock = 11;

    /// <summary>readv(2).</summary>
    /// <returns>Bytes read, 0 at the end of a stream, or -errno.</returns>
    public static nint Read(int descriptor, IoVector* vectors, int count) =>
        Result(ReadVectors(descriptor, vectors, count));

    /// <summary>writev(2).</summary>
    /// <returns>Bytes written, or -errno.</returns>
    public static nint Write(int descriptor, IoVector* vectors, int count) =>
        Result(WriteVectors(descriptor, vectors, count));

    /// <summary>sendmsg(2) on a socket; a closed peer is an error and no SIGPIPE.</summary>
    /// <returns>Bytes sent, or -errno.</returns>
    public static nint Send(int socket, IoVector* vectors, int count)
    {
        const int noSignal = 0x4000;
        MessageHeader header = new() { Vectors = vectors, VectorCount = (nuint)count };
        return Result(SendMessage(socket, &header, noSignal));
    }

    private static nint Result(nint value) => value < 0 ? -Marshal.GetLastPInvokeError() : value;

    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(int socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "readv", SetLastError = true)]
    private static partial nint ReadVectors(int descriptor, IoVector* vectors, int count);

    [LibraryImport("libc", EntryPoint = "writev", SetLastError = true)]
    private static partial nint WriteVectors(int descriptor, IoVector* vectors, int count);
}
