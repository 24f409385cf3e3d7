using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Nacelle.Linux;
using Nacelle.Machine;
using Nacelle.Translation;

namespace Nacelle.Cli;

/// <summary>Runs one machine for a person: terminal, signals, notices and the exit code.</summary>
internal sealed class MachineRunner
{
    // SIGUSR1, which .NET has no name for.
    private const PosixSignal ResumeSignal = (PosixSignal)10;

    // From a signal to the end of the process, whatever the host does not answer for.
    private static readonly TimeSpan s_grace = TimeSpan.FromMilliseconds(800);

    // For requests under way when a guest has ended by itself.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly MachineDescription _description;
    private readonly EndDeadline _deadline = new();
    private readonly TaskCompletionSource _signalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RunSettings _settings;
    private readonly Notices _notices;
    private readonly long _begin = Stopwatch.GetTimestamp();
    private volatile MachineSession? _session;
    private volatile RawTerminal? _terminal;
    private volatile bool _outputClosed;
    private volatile bool _paused;

    private MachineRunner(MachineDescription description, RunSettings settings)
    {
        _description = description;
        _settings = settings;
        _notices = new Notices { Quiet = settings.Quiet };
    }

    /// <summary>Runs a machine to its end.</summary>
    /// <returns>The exit code.</returns>
    internal static Task<int> RunAsync(MachineDescription description, RunSettings settings) =>
        new MachineRunner(description, settings).RunAsync();

    private async Task<int> RunAsync()
    {
        using EndSignals signals = new(OnEndSignal, () => _terminal?.Dispose());
        using PosixSignalRegistration resume = PosixSignalRegistration.Create(ResumeSignal, OnResume);
        MachineSession? session = null;
        try
        {
            // A kernel may come from a FIFO or a file system that does not answer: a signal ends that, too.
            Task<MachineSession> building = BuildAsync();
            if (await Task.WhenAny(building, _signalled.Task).ConfigureAwait(false) != building
                && await Task.WhenAny(building, Task.Delay(s_grace)).ConfigureAwait(false) != building)
            {
                Leftovers.TakeBack();
                return ExitCodes.Of(signals.Received!.Value);
            }

            session = await building.ConfigureAwait(false);
            return await RunAsync(session, signals).ConfigureAwait(false);
        }
        catch (MachineException error)
        {
            _notices.Error(error.Message);
            return ExitCodes.Of(error.Kind);
        }
        finally
        {
            _session = null;
            session?.Dispose();
            _deadline.Stop();
        }
    }

    private async Task<int> RunAsync(MachineSession session, EndSignals signals)
    {
        CheckTranslator(session);
        using ListingFile? listing = _settings.TranslatorListing is { } wanted ? ListingFile.Create(wanted) : null;
        MachineStop stop;
        TimeSpan running;
        using (_terminal = _description.Serial.Kind == SerialKind.StandardStreams ? RawTerminal.TryEnter() : null)
        {
            _notices.Terminal = _terminal;
            session.Diagnostic += _notices.Say;
            session.Paused += OnPaused;
            _session = session;
            Introduce(session);
            long start = Stopwatch.GetTimestamp();
            session.Start();
            if (signals.Received is not null)
            {
                session.RequestStop();
            }

            stop = await session.Completion.ConfigureAwait(false);
            running = Stopwatch.GetElapsedTime(start);
        }

        // What was asked for is still written, and may take its time.
        _deadline.Stop();
        if (_settings.TranslatorStatistics && session.ReadTranslatorCounters() is TranslatorCounters counters)
        {
            Notices.Print(TranslatorReport.Write(counters, running));
        }

        listing?.Write(session);
        int code = Conclude(stop, signals);
        bool asked = signals.Received is not null;
        _deadline.Start(asked ? s_grace : s_patience, code, () =>
        {
            if (!asked)
            {
                _notices.Error("a disk or network of the host does not answer: ended without waiting for it any longer");
            }
        });
        return code;
    }

    private void OnEndSignal(PosixSignal signal)
    {
        _deadline.Start(s_grace, ExitCodes.Of(signal), () => _terminal?.Dispose());
        _signalled.TrySetResult();
        _session?.RequestStop();
    }

    private Task<MachineSession> BuildAsync()
    {
        TaskCompletionSource<MachineSession> built = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                built.SetResult(MachineSession.Build(_description, ConnectStandardStreams, _settings.Gdb, Files()));
            }
            catch (Exception error)
            {
                built.SetException(error);
            }
        })
        { Name = "build", IsBackground = true };
        thread.Start();
        return built.Task;
    }

    /// <summary>Before anything runs: a long run without what it was for would be a waste.</summary>
    private void CheckTranslator(MachineSession session)
    {
        (string option, string meaning)? asked = _settings switch
        {
            { TranslatorStatistics: true } => ("--translator-stats", "counts what the translator does"),
            { TranslatorListing: not null } => ("--translator-listing", "lists what the translator made"),
            _ => null,
        };
        if (asked is { } refused && session.ReadTranslatorCounters() is null)
        {
            throw new MachineException(
                MachineErrorKind.Configuration,
                $"{refused.option} {refused.meaning}, and this machine runs on {session.AcceleratorName} ({session.AcceleratorReason}): leave it out, or add --accel translator");
        }
    }

    /// <summary>Files of this program beside those of the machine.</summary>
    private List<MachineFile> Files()
    {
        List<MachineFile> files =
        [
            .. _settings.Files ?? [],
            new("standard output", "", MachineFileUse.Stream, HostDescriptor.Output),
            new("standard error", "", MachineFileUse.Stream, HostDescriptor.Error),
        ];
        if (_settings.TranslatorListing is { } listing)
        {
            files.Add(new MachineFile("listing", listing.Path, MachineFileUse.Output));
        }

        return files;
    }

    private StandardStreams ConnectStandardStreams()
    {
        OutputWatcher? watcher = _settings.BootMarker is string marker
            ? new OutputWatcher(Encoding.UTF8.GetBytes(marker), ReportBoot)
            : null;
        StandardStreams streams = new(_settings.EscapeKey, watcher);
        streams.Command += OnCommand;
        streams.OutputClosed += () =>
        {
            _outputClosed = true;
            _session?.RequestStop();
        };
        return streams;
    }

    private void Introduce(MachineSession session)
    {
        _notices.Say($"accelerator {session.AcceleratorName}: {session.AcceleratorReason}");
        if (session.GdbInvitation is string invitation)
        {
            string waiting = _settings.Gdb!.Wait ? "the guest begins when gdb lets it: " : "";
            _notices.Say($"{waiting}in gdb, type: {invitation}");
        }

        if (session.SerialTerminalPath is string terminal)
        {
            _notices.Say($"the serial port is on {terminal}: connect with 'screen {terminal}'");
        }

        foreach (PortForward open in _description.Networks.SelectMany(network => network.PortForwards).Where(forward => forward.Address is null))
        {
            _notices.Say(string.Create(CultureInfo.InvariantCulture, $"other hosts can reach the guest at port {open.HostPort}: it listens on every address of this host"));
        }

        if (_terminal is not null && _settings.EscapeKey is byte key)
        {
            _notices.Say($"to leave, press {EscapeKeyOption.Format(key)} and then q; {EscapeKeyOption.Format(key)} and h for more");
        }
    }

    private int Conclude(MachineStop stop, EndSignals signals)
    {
        if (signals.Received is { } signal && stop.Reason == MachineStopReason.Requested)
        {
            _notices.Say($"{signal}: the machine was ended");
            return ExitCodes.Of(signal);
        }

        if (_outputClosed && stop.Reason == MachineStopReason.Requested)
        {
            _notices.Error("standard output was closed by its reader: the machine was ended");
            return (int)ExitCode.OutputClosed;
        }

        int code = _settings.QemuExitStatus ? ExitCodes.OfQemu(stop) : ExitCodes.Of(stop);
        switch (stop.Reason)
        {
            case MachineStopReason.PowerOff:
                _notices.Say("the guest powered off");
                break;
            case MachineStopReason.Requested:
                _notices.Say("the machine was ended");
                break;
            case MachineStopReason.DebugExit:
                _notices.Say(string.Create(CultureInfo.InvariantCulture, $"the guest ended the machine with value {stop.GuestCode}"));
                break;
            case MachineStopReason.Reset:
                _notices.Say("the guest asked for a reset, and --no-reboot was given");
                break;
            default:
                _notices.Error(stop.Detail ?? stop.Reason.ToString());
                break;
        }

        return code;
    }

    private void ReportBoot()
    {
        // The process's own start time is that of whatever called exec(2), such as a script that builds first.
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_begin);
        _notices.Say(string.Create(CultureInfo.InvariantCulture, $"the guest was up {elapsed.TotalSeconds:0.00} s after the start"));
    }

    private void OnPaused(string reason)
    {
        _paused = true;
        string how = _terminal is not null && _settings.EscapeKey is byte key
            ? $"{EscapeKeyOption.Format(key)} and p"
            : string.Create(CultureInfo.InvariantCulture, $"'kill -USR1 {Environment.ProcessId}'");
        _notices.Error($"paused: {reason} ({how} continues)");
    }

    private void OnResume(PosixSignalContext context)
    {
        context.Cancel = true;
        _paused = false;
        _session?.Continue();
    }

    private void OnCommand(EscapeCommand command)
    {
        if (_session is not { } session)
        {
            return;
        }

        switch (command)
        {
            case EscapeCommand.Quit:
                session.RequestStop();
                break;
            case EscapeCommand.PauseOrContinue:
                _paused = !_paused;
                if (_paused)
                {
                    session.Pause();
                }
                else
                {
                    session.Continue();
                }

                _notices.Say(_paused ? "paused" : "continued");
                break;
            case EscapeCommand.PowerButton:
                _notices.Say(session.PressPowerButton() ? "power button pressed" : "the guest does not listen to the power button");
                break;
            default:
                string key = EscapeKeyOption.Format(_settings.EscapeKey ?? 0);
                _notices.Say($"after {key}: q ends the machine, p pauses or continues it, b presses its power button, {key} sends {key}");
                break;
        }
    }
}
