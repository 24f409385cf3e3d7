namespace Nacelle.Devices.Platform;

/// <summary>What a serial port is connected to.</summary>
/// <remarks>Called under the port's own lock, from vCPU threads and the timer service's thread: must not call back, and must not wait.</remarks>
public interface ISerialBackend
{
    /// <summary>Takes what the guest sent. Must not throw: a peer that went away loses the bytes.</summary>
    void Write(ReadOnlySpan<byte> bytes);

    /// <summary>Takes as much of what the guest sent as there is room for; never waits.</summary>
    /// <returns>How many bytes; for less than all, what <see cref="CallWhenRoom"/> was given is called once there is room again.</returns>
    int TryWrite(ReadOnlySpan<byte> bytes)
    {
        Write(bytes);
        return bytes.Length;
    }

    /// <summary>Says whom to call when there is room again; on any thread, with no lock held.</summary>
    void CallWhenRoom(Action room)
    {
        // Whoever takes everything at once never has to.
    }

    /// <summary>The far end has not taken anything for so long that bytes are lost from now on, until it does.</summary>
    void TellStalled()
    {
        // Of interest where somebody can be told.
    }
}
