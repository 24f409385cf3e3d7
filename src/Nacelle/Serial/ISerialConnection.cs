using Nacelle.Devices.Platform;

namespace Nacelle;

/// <summary>The host's end of a machine's serial port: takes what the guest sends and gives it what arrives.</summary>
/// <remarks><see cref="ISerialBackend.Write"/> may come before <see cref="Attach"/> and after <see cref="Cancel"/>.</remarks>
public interface ISerialConnection : ISerialBackend, IDisposable
{
    /// <summary>Raised, on any thread, with one line when output or input is lost for a reason that a person should know.</summary>
    event Action<string>? Diagnostic;

    /// <summary>Begins to feed a port. Once.</summary>
    void Attach(SerialPort port);

    /// <summary>
    /// The machine is to end whatever the far end does: nothing waits for it any more. Safe from any thread and more than
    /// once.
    /// </summary>
    void Cancel();

    /// <summary>Hands over what the guest has sent so far, waiting for the far end unless cancelled.</summary>
    void Drain();
}
