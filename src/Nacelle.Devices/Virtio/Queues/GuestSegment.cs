namespace Nacelle.Devices.Virtio;

/// <summary>A stretch of guest RAM that was checked to lie wholly inside it.</summary>
/// <remarks>The guest may change the bytes at any time: copy out once, then judge the copy.</remarks>
/// <param name="Address">Guest-physical address.</param>
/// <param name="Host">Host address of the first byte.</param>
/// <param name="Length">Bytes; never zero.</param>
public readonly unsafe record struct GuestSegment(ulong Address, nint Host, uint Length)
{
    /// <summary>The first byte.</summary>
    public byte* Pointer => (byte*)Host;
}
