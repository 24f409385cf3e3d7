using System.Diagnostics;
using System.Text;

namespace Nacelle.Cli.Tests;

/// <summary>How a nacelle process ended.</summary>
/// <param name="Code">Its exit code.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record ProcessEnd(int Code, string Output, string Error)
{
    /// <summary>The lines of standard error.</summary>
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public override string ToString() => $"exit code {Code}\n--- output\n{Output}\n--- error\n{Error}\n---";
}

/// <summary>A nacelle process with pipes for its standard streams; ended by force at the latest by <see cref="Dispose"/>.</summary>
internal sealed class NacelleProcess : IDisposable
{
    /// <summary>How long a test waits for an event before it fails with what it has seen.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly object _gate = new();
    private readonly TaskCompletionSource _outputEnded = new();
    private readonly TaskCompletionSource _errorEnded = new();

    private NacelleProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _ = CollectAsync(_process.StandardOutput, _output, _outputEnded);
        _ = CollectAsync(_process.StandardError, _error, _errorEnded);
    }

    /// <summary>The executable under test: the one that the build made, or the one that NACELLE_EXECUTABLE names.</summary>
    public static string Executable { get; } =
        Environment.GetEnvironmentVariable("NACELLE_EXECUTABLE") ?? Path.Combine(AppContext.BaseDirectory, "Nacelle.Cli");

    /// <summary>The process's id.</summary>
    public int Id => _process.Id;

    /// <summary>Standard input.</summary>
    public Stream Input => _process.StandardInput.BaseStream;

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>What has come on standard output so far.</summary>
    public string SeenOutput => Read(_output);

    /// <summary>What has come on standard error so far.</summary>
    public string SeenError => Read(_error);

    /// <summary>Starts nacelle.</summary>
    public static NacelleProcess Start(params string[] arguments) => new(new ProcessStartInfo(Executable, arguments));

    /// <summary>Starts a shell that finds nacelle as $NACELLE and its arguments as "$@".</summary>
    public static NacelleProcess StartShell(string script, params string[] arguments)
    {
        ProcessStartInfo start = new("bash", ["-c", script, "bash", .. arguments]);
        start.Environment["NACELLE"] = Executable;
        return new NacelleProcess(start);
    }

    /// <summary>Runs nacelle to its end with nothing on standard input.</summary>
    public static ProcessEnd Run(params string[] arguments) => Run(Patience, arguments);

    /// <summary>Runs nacelle to its end, which may take longer than usual, with nothing on standard input.</summary>
    public static ProcessEnd Run(TimeSpan patience, params string[] arguments)
    {
        using NacelleProcess process = Start(arguments);
        process.Input.Close();
        return process.WaitForEnd(patience);
    }

    /// <summary>Waits until the output has a text, some times over.</summary>
    public void WaitForOutput(string text, int times = 1) => WaitFor(_output, text, "output", times);

    /// <summary>Waits until standard error has a text.</summary>
    public void WaitForError(string text) => WaitFor(_error, text, "standard error");

    /// <summary>Sends a signal by its name, such as "TERM".</summary>
    public void Signal(string name) => HostTool.Run("kill", $"-{name}", Id.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Waits until the process has ended and its streams are read.</summary>
    public ProcessEnd WaitForEnd() => WaitForEnd(Patience);

    private ProcessEnd WaitForEnd(TimeSpan patience)
    {
        bool ended = _process.WaitForExit(patience)
            && Task.WaitAll([_outputEnded.Task, _errorEnded.Task], patience);
        Assert.True(ended, $"nacelle did not end within {patience}\n{Seen()}");
        lock (_gate)
        {
            return new ProcessEnd(_process.ExitCode, _output.ToString(), _error.ToString());
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void WaitFor(StringBuilder where, string text, string what, int times = 1)
    {
        Stopwatch clock = Stopwatch.StartNew();
        lock (_gate)
        {
            while (where.ToString().Split(text).Length <= times)
            {
                bool over = _outputEnded.Task.IsCompleted && _errorEnded.Task.IsCompleted;
                Assert.False(over, $"nacelle ended before '{text}' came on {what}\n{Seen()}");
                Assert.True(clock.Elapsed < Patience, $"'{text}' did not come on {what} within {Patience}\n{Seen()}");
                Monitor.Wait(_gate, TimeSpan.FromSeconds(1));
            }
        }
    }

    private string Read(StringBuilder from)
    {
        lock (_gate)
        {
            return from.ToString();
        }
    }

    private string Seen()
    {
        lock (_gate)
        {
            return $"--- output\n{_output}\n--- error\n{_error}\n---";
        }
    }

    private async Task CollectAsync(StreamReader reader, StringBuilder into, TaskCompletionSource ended)
    {
        char[] buffer = new char[4096];
        int count;
        while ((count = await reader.ReadAsync(buffer)) > 0)
        {
            lock (_gate)
            {
                into.Append(buffer, 0, count);
                Monitor.PulseAll(_gate);
            }
        }

        ended.SetResult();
        lock (_gate)
        {
            Monitor.PulseAll(_gate);
        }
    }
}
