using System.Runtime.InteropServices;
using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>The signals that end a machine: the first one asks it to end, the next ends the process.</summary>
/// <remarks>Callbacks come on a thread of the runtime.</remarks>
internal sealed class EndSignals : IDisposable
{
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Action<PosixSignal> _first;
    private readonly Action _second;
    private int _received;

    /// <summary>Begins to listen to SIGINT, SIGTERM, SIGHUP and SIGQUIT.</summary>
    /// <param name="first">Called for the first signal.</param>
    /// <param name="second">Called before a further signal ends the process.</param>
    internal EndSignals(Action<PosixSignal> first, Action second)
    {
        _first = first;
        _second = second;
        ReadOnlySpan<PosixSignal> signals =
            [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT];
        foreach (PosixSignal signal in signals)
        {
            // What nohup(1) ignores stays ignored.
            if (!HostSignal.IsIgnored(ExitCodes.NumberOf(signal)))
            {
                _registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
            }
        }
    }

    /// <summary>The first signal that came, or null.</summary>
    internal PosixSignal? Received => Volatile.Read(ref _received) is int value and not 0 ? (PosixSignal)value : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }
    }

    private void OnSignal(PosixSignalContext context)
    {
        if (Interlocked.CompareExchange(ref _received, (int)context.Signal, 0) == 0)
        {
            context.Cancel = true;
            _first(context.Signal);
        }
        else
        {
            _second();
        }
    }
}
