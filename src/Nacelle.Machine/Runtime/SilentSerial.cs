using Nacelle.Devices.Platform;

namespace Nacelle.Machine.Runtime;

/// <summary>A serial port's far end when nothing is connected.</summary>
internal sealed class SilentSerial : ISerialBackend
{
    internal static SilentSerial Instance { get; } = new();

    public void Write(ReadOnlySpan<byte> bytes)
    {
        // Nobody listens.
    }
}
