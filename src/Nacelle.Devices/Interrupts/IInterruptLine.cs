namespace Nacelle.Devices.Interrupts;

/// <summary>A wire from a device to an interrupt controller.</summary>
/// <remarks>Thread safe.</remarks>
public interface IInterruptLine
{
    /// <summary>Drives the wire; driving the same level again has no effect.</summary>
    void SetLevel(bool asserted);
}

/// <summary>Where message-signalled interrupts go: a write of data to 0xFEEx_xxxx (SDM volume 3, 11.11).</summary>
/// <remarks>Thread safe.</remarks>
public interface IMessageInterruptTarget
{
    /// <summary>Delivers one message.</summary>
    void Send(ulong address, uint data);
}
