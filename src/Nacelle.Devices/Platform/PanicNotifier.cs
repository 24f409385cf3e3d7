using Nacelle.Memory;

namespace Nacelle.Devices.Platform;

/// <summary>What a guest reports through <see cref="PanicNotifier"/>.</summary>
public enum GuestPanic
{
    /// <summary>The kernel panicked and stays there.</summary>
    Panicked,

    /// <summary>The kernel panicked and a crash kernel takes over.</summary>
    CrashLoaded,
}

/// <summary>The pvpanic port: the guest kernel's way to tell that it panicked.</summary>
/// <param name="report">Called on a vCPU thread.</param>
/// <remarks>Without state.</remarks>
public sealed class PanicNotifier(Action<GuestPanic> report) : IAddressRangeHandler
{
    /// <summary>The port.</summary>
    public const ushort Port = 0x505;

    private const byte Panicked = 1;
    private const byte CrashLoaded = 2;

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size) => Panicked | CrashLoaded;

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        if ((value & Panicked) != 0)
        {
            report(GuestPanic.Panicked);
        }
        else if ((value & CrashLoaded) != 0)
        {
            report(GuestPanic.CrashLoaded);
        }
    }
}
