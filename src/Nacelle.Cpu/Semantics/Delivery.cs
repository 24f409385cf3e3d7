namespace Nacelle.Cpu;

/// <summary>Where an interrupt comes from; decides on privilege checks, error codes and the pushed flags.</summary>
public enum InterruptKind
{
    /// <summary>From the interrupt controller.</summary>
    External,

    /// <summary>INT n, INT3 or INTO: the gate's DPL is checked (SDM volume 3, 6.12.1.2).</summary>
    Software,

    /// <summary>INT1: a trap without a check of the gate's DPL.</summary>
    PrivilegedSoftware,

    /// <summary>A non-maskable interrupt; blocks further ones until IRET.</summary>
    Nmi,
}

/// <summary>How the delivery of an interrupt or exception ended.</summary>
public enum Delivery
{
    /// <summary>RIP stands at the handler: of the event itself, or of the fault that its delivery raised.</summary>
    Delivered,

    /// <summary>Triple fault: the processor has shut down.</summary>
    Shutdown,
}
