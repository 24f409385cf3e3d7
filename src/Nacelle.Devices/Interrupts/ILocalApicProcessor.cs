namespace Nacelle.Devices.Interrupts;

/// <summary>The vCPU behind a LAPIC.</summary>
/// <remarks>Called from any thread.</remarks>
public interface ILocalApicProcessor
{
    /// <summary>There is something new to look at.</summary>
    void NotifyInterrupt();

    /// <summary>An INIT arrived.</summary>
    void SignalInit();

    /// <summary>A start-up message arrived.</summary>
    void SignalStartup(byte vector);

    /// <summary>The guest's time-stamp counter now.</summary>
    ulong ReadTimestamp();
}
