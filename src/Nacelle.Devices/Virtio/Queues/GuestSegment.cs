namespace Nacelle.Devices.Virtio;

/// <summary>A stretch of guest RAM that was checked to lie wholly inside it.</summary>
/// <remarks>
/// The guest may change the bytes at any time: copy out once, then judge the copy. Not a record: the printing that a record
/// brings cannot be compiled ahead of time for a member that is a pointer.
/// </remarks>
/// <param name="address">Guest-physical address.</param>
/// <param name="host">Host address of the first byte.</param>
/// <param name="length">Bytes; never zero.</param>
public readonly unsafe struct GuestSegment(ulong address, nint host, uint length)
{
    /// <summary>Guest-physical address.</summary>
    public ulong Address => address;

    /// <summary>Host address of the first byte.</summary>
    public nint Host => host;

    /// <summary>Bytes; never zero.</summary>
    public uint Length => length;

    /// <summary>The first byte.</summary>
    public byte* Pointer => (byte*)host;
}
