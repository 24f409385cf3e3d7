using Nacelle.Devices.Platform;

namespace Nacelle.Machine.Board;

/// <summary>What devices ask of the machine as a whole.</summary>
/// <remarks>Called from vCPU threads; returns at once.</remarks>
internal interface IMachineEvents
{
    void PowerOff();

    void Reset();

    void DebugExit(uint value);

    void GuestPanicked(GuestPanic panic);
}
