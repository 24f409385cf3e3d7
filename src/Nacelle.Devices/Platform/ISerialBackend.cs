namespace Nacelle.Devices.Platform;

/// <summary>What a serial port is connected to.</summary>
/// <remarks>Called under the port's own lock, from vCPU threads and the timer service's thread: must not call back.</remarks>
public interface ISerialBackend
{
    /// <summary>Takes what the guest sent. Must not throw: a peer that went away loses the bytes.</summary>
    void Write(ReadOnlySpan<byte> bytes);
}
