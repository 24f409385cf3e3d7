using Nacelle.Configuration;
using Nacelle.Control.Gdb;
using Nacelle.Machine;
using Nacelle.Translation;

namespace Nacelle;

/// <summary>A machine with its serial port connected as described: started once, ended by the guest or from outside.</summary>
/// <remarks>Members may be called from any thread.</remarks>
public sealed class MachineSession : IDisposable
{
    private readonly VirtualMachine _machine;
    private readonly ISerialConnection? _serial;
    private readonly GdbServer? _gdb;

    private MachineSession(VirtualMachine machine, ISerialConnection? serial, GdbServer? gdb)
    {
        _machine = machine;
        _serial = serial;
        _gdb = gdb;
        Completion = CompleteAsync();
    }

    /// <summary>"kvm" or "translator".</summary>
    public string AcceleratorName => _machine.AcceleratorName;

    /// <summary>Why that accelerator, in one line.</summary>
    public string AcceleratorReason => _machine.AcceleratorReason;

    /// <summary>What to type at gdb's prompt to debug the machine; null where nobody listens for gdb.</summary>
    public string? GdbInvitation => _gdb?.Invitation;

    /// <summary>The pseudo-terminal that the serial port is connected to, such as /dev/pts/5; null where it is none.</summary>
    public string? SerialTerminalPath => (_serial as SerialTerminal)?.TerminalPath;

    /// <summary>Completes when the machine has ended and its output is where it belongs.</summary>
    public Task<MachineStop> Completion { get; }

    /// <summary>Raised, on any thread, with a line when a guest driver breaks a rule or the serial port loses output.</summary>
    public event Action<string>? Diagnostic;

    /// <summary>Raised, on any thread, with the reason in one line when the machine pauses over a host error.</summary>
    public event Action<string>? Paused;

    /// <summary>Builds a machine with everything that it is connected to; nothing runs yet.</summary>
    /// <param name="description">What to build.</param>
    /// <param name="standardStreams">
    /// Makes the connection for a serial port on the standard streams; null connects such a port to nothing. The session
    /// owns what it makes.
    /// </param>
    /// <param name="gdb">Where gdb can connect; null for nowhere.</param>
    /// <param name="files">Files that the caller reads and writes beside the machine's own: none may be written over another.</param>
    /// <exception cref="MachineException">The host or the files do not allow it. Nothing is left behind, and no file is changed.</exception>
    public static MachineSession Build(
        MachineDescription description,
        Func<ISerialConnection>? standardStreams = null,
        GdbOption? gdb = null,
        IReadOnlyList<MachineFile>? files = null)
    {
        ArgumentNullException.ThrowIfNull(description);
        MachineFiles.Check(description, files ?? []);
        ISerialConnection? serial = Connect(description.Serial, standardStreams);
        VirtualMachine? machine = null;
        try
        {
            machine = VirtualMachine.Build(description, serial);
            GdbServer? server = gdb is null ? null : GdbServer.Start(gdb, machine);
            MachineSession session = new(machine, serial, server);
            machine.Diagnostic += line => session.Diagnostic?.Invoke(line);
            machine.Paused += reason => session.Paused?.Invoke(reason);
            if (server is not null)
            {
                server.Diagnostic += line => session.Diagnostic?.Invoke(line);
            }

            if (serial is not null)
            {
                serial.Diagnostic += line => session.Diagnostic?.Invoke(line);
                serial.Attach(machine.Serial);
            }

            return session;
        }
        catch
        {
            machine?.Dispose();
            serial?.Dispose();
            throw;
        }
    }

    /// <summary>Starts the guest. Once.</summary>
    public void Start() => _machine.Start();

    /// <summary>Stops the vCPUs until <see cref="Continue"/>.</summary>
    public void Pause() => _machine.Pause();

    /// <summary>Lets a paused machine go on, trying again what the host refused.</summary>
    public void Continue() => _machine.Continue();

    /// <summary>Presses the ACPI power button.</summary>
    /// <returns>Whether the guest listens to it.</returns>
    public bool PressPowerButton() => _machine.PressPowerButton();

    /// <summary>What the translator has counted so far, over all vCPUs; null on another accelerator. Until the session is disposed.</summary>
    public TranslatorCounters? ReadTranslatorCounters() => _machine.ReadTranslatorCounters();

    /// <summary>
    /// What the translator has made of the guest code in a range of linear addresses; null on another accelerator. After the
    /// machine has ended and until the session is disposed.
    /// </summary>
    /// <param name="first">First address.</param>
    /// <param name="last">Last address.</param>
    public IEnumerable<ListedBlock>? ListTranslatedBlocks(ulong first, ulong last) => _machine.ListTranslatedBlocks(first, last);

    /// <summary>Ends the machine at once, as pulling the plug would, even when nobody takes its output.</summary>
    public void RequestStop()
    {
        _serial?.Cancel();
        _machine.RequestStop();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gdb?.Dispose();
        _serial?.Cancel();
        _machine.Dispose();
        _serial?.Dispose();
    }

    private static ISerialConnection? Connect(SerialDescription serial, Func<ISerialConnection>? standardStreams) =>
        serial switch
        {
            { Kind: SerialKind.StandardStreams } => standardStreams?.Invoke(),
            { Kind: SerialKind.File, Path: string path } => new SerialFile(path),
            { Kind: SerialKind.Socket, Path: string path } => new SerialSocket(path),
            { Kind: SerialKind.Terminal } => new SerialTerminal(serial.Path),
            { Kind: SerialKind.None } => null,
            _ => throw new MachineException(MachineErrorKind.Configuration, $"a serial port of kind {serial.Kind} needs a path"),
        };

    private async Task<MachineStop> CompleteAsync()
    {
        MachineStop stop = await _machine.Completion.ConfigureAwait(false);
        if (_serial is not null)
        {
            await Task.Run(_serial.Drain).ConfigureAwait(false);
        }

        return stop;
    }
}
