namespace Nacelle.Devices.Interrupts;

/// <summary>Delivery modes of interrupt messages (SDM volume 3, 11.6.1).</summary>
public enum DeliveryMode
{
    /// <summary>To every destination.</summary>
    Fixed = 0,

    /// <summary>To one of the destinations.</summary>
    LowestPriority = 1,

    /// <summary>System management interrupt.</summary>
    SystemManagement = 2,

    /// <summary>Non-maskable interrupt.</summary>
    NonMaskable = 4,

    /// <summary>INIT.</summary>
    Init = 5,

    /// <summary>Start-up.</summary>
    StartUp = 6,

    /// <summary>The vector comes from the 8259 pair.</summary>
    External = 7,
}

/// <summary>An interrupt message on its way to LAPICs.</summary>
/// <param name="Destination">APIC id, or logical destination.</param>
/// <param name="IsLogical">How <paramref name="Destination"/> is meant.</param>
/// <param name="Mode">How it is delivered.</param>
/// <param name="Vector">The vector, or the start-up page.</param>
/// <param name="IsLevelTriggered">Whether the IOAPIC wants to hear of the end of interrupt.</param>
public readonly record struct InterruptMessage(
    uint Destination, bool IsLogical, DeliveryMode Mode, byte Vector, bool IsLevelTriggered);
