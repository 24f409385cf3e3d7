using System.Runtime.InteropServices;
using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>Standard input as a raw terminal, put back on every way out that a process can see.</summary>
/// <remarks>
/// Guards its own state. Put back by <see cref="Dispose"/>, at a crash, and while the process is stopped (SIGTSTP); made raw
/// again when it goes on in the foreground.
/// </remarks>
internal sealed class RawTerminal : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Terminal _original;
    private readonly PosixSignalRegistration _stop;
    private readonly PosixSignalRegistration _continue;
    private bool _raw;
    private bool _disposed;

    private RawTerminal(Terminal original)
    {
        _original = original;
        AppDomain.CurrentDomain.UnhandledException += OnCrash;
        _stop = PosixSignalRegistration.Create(PosixSignal.SIGTSTP, OnStop);
        _continue = PosixSignalRegistration.Create(PosixSignal.SIGCONT, OnContinue);
        Enter();
    }

    /// <summary>Makes standard input raw.</summary>
    /// <returns>Null when it is not a terminal.</returns>
    internal static RawTerminal? TryEnter() => Terminal.Read(HostDescriptor.Input) is { } original
        ? new RawTerminal(original)
        : null;

    /// <summary>Whether output needs a carriage return before each line feed now.</summary>
    internal bool IsRaw
    {
        get
        {
            lock (_gate)
            {
                return _raw;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Dispose();
        _continue.Dispose();
        AppDomain.CurrentDomain.UnhandledException -= OnCrash;
        lock (_gate)
        {
            _disposed = true;
            Leave();
        }
    }

    private void Enter()
    {
        lock (_gate)
        {
            // In the background the terminal belongs to somebody else until SIGCONT tells otherwise.
            if (!_raw && !_disposed && Terminal.IsForeground(HostDescriptor.Input))
            {
                _raw = _original.ToRaw().Apply(HostDescriptor.Input);
            }
        }
    }

    private void Leave()
    {
        if (_raw)
        {
            _ = _original.Apply(HostDescriptor.Input);
            _raw = false;
        }
    }

    private void OnCrash(object sender, UnhandledExceptionEventArgs arguments)
    {
        lock (_gate)
        {
            Leave();
        }
    }

    private void OnStop(PosixSignalContext context)
    {
        context.Cancel = true;
        lock (_gate)
        {
            Leave();
        }

        HostSignal.StopSelf();
    }

    private void OnContinue(PosixSignalContext context)
    {
        context.Cancel = true;
        lock (_gate)
        {
            // The shell put its own settings back while this process was stopped, whoever stopped it.
            _raw = false;
        }

        Enter();
    }
}
