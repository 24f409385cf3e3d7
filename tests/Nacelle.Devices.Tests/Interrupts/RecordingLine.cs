using Nacelle.Devices.Interrupts;

namespace Nacelle.Devices.Tests.Interrupts;

/// <summary>A wire whose level and rising edges can be looked at.</summary>
internal sealed class RecordingLine : IInterruptLine
{
    public bool IsAsserted { get; private set; }

    public int Rises { get; private set; }

    public void SetLevel(bool asserted)
    {
        Rises += asserted && !IsAsserted ? 1 : 0;
        IsAsserted = asserted;
    }

    /// <summary>The rising edges since the last time.</summary>
    public int TakeRises()
    {
        int rises = Rises;
        Rises = 0;
        return rises;
    }
}
