using Nacelle.Memory;

namespace Nacelle.Devices.Platform;

/// <summary>A port whose writes end the machine: test kernels report their result through it.</summary>
/// <param name="exit">Called on a vCPU thread with the value.</param>
/// <remarks>Without state.</remarks>
public sealed class DebugExitPort(Action<uint> exit) : IAddressRangeHandler
{
    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size) => 0;

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value) => exit((uint)value);
}
