using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Nacelle.Linux;

namespace Nacelle.Cli.Tests;

/// <summary>A pseudo-terminal and the process that has it as its controlling terminal.</summary>
internal sealed unsafe partial class PseudoTerminal : IDisposable
{
    private readonly SafeFileHandle _master;
    private readonly SafeFileHandle _line;
    private readonly string _path;
    private readonly object _gate = new();
    private readonly StringBuilder _seen = new();
    private readonly Thread _reader;
    private Process? _process;

    public PseudoTerminal()
    {
        const int readWriteNoControllingTerminal = 0x102;
        int descriptor = OpenMaster(readWriteNoControllingTerminal | 0x80000);
        Assert.True(descriptor >= 0 && Grant(descriptor) == 0 && Unlock(descriptor) == 0, "the host gave no pseudo-terminal");
        byte* name = stackalloc byte[128];
        Assert.Equal(0, Name(descriptor, name, 128));
        _path = Marshal.PtrToStringUTF8((nint)name)!;
        _master = new SafeFileHandle(descriptor, ownsHandle: true);

        // Held open, so that reading the master does not fail between processes.
        int line = OpenFile(_path, readWriteNoControllingTerminal | 0x80000);
        _line = new SafeFileHandle(line, ownsHandle: true);
        _reader = new Thread(Read) { IsBackground = true };
        _reader.Start();
    }

    /// <summary>The terminal's settings in stty's notation.</summary>
    public string Settings => HostTool.Run("stty", "-g", "-F", _path).Trim();

    /// <summary>Whether keys arrive at once and as they are.</summary>
    public bool IsRaw => HostTool.Run("stty", "-a", "-F", _path).Contains("-icanon", StringComparison.Ordinal);

    /// <summary>Makes the terminal as wide as this.</summary>
    public void SetColumns(int columns) =>
        HostTool.Run("stty", "-F", _path, "cols", columns.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>The process's id.</summary>
    public int ProcessId => _process!.Id;

    /// <summary>Everything that was written to the terminal.</summary>
    public string Seen
    {
        get
        {
            lock (_gate)
            {
                return _seen.ToString();
            }
        }
    }

    /// <summary>Starts nacelle in a session of its own with this terminal.</summary>
    public void Start(params string[] arguments) => Start([], arguments);

    /// <summary>Starts nacelle in a session of its own with this terminal, and with variables in its environment.</summary>
    public void Start((string Name, string Value)[] environment, string[] arguments)
    {
        // setsid(1) makes standard input the controlling terminal and then becomes the program.
        ProcessStartInfo start = new(
            "bash",
            ["-c", "exec setsid -c \"$@\" <\"$0\" >\"$0\" 2>&1", _path, NacelleProcess.Executable, .. arguments]);
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start);
    }

    /// <summary>Types.</summary>
    public void Type(string keys) =>
        Assert.Equal(0, HostDescriptor.WriteAll((int)_master.DangerousGetHandle(), Encoding.UTF8.GetBytes(keys)));

    /// <summary>Waits until the terminal shows a text.</summary>
    public void WaitFor(string text)
    {
        Stopwatch clock = Stopwatch.StartNew();
        lock (_gate)
        {
            while (!_seen.ToString().Contains(text, StringComparison.Ordinal))
            {
                Assert.False(_process!.HasExited && clock.Elapsed > TimeSpan.FromSeconds(5), $"the process ended before '{text}' came\n{_seen}");
                Assert.True(clock.Elapsed < NacelleProcess.Patience, $"'{text}' did not come within {NacelleProcess.Patience}\n{_seen}");
                Monitor.Wait(_gate, TimeSpan.FromSeconds(1));
            }
        }
    }

    /// <summary>Waits until something holds, such as the terminal's settings, which nobody announces.</summary>
    public void WaitUntil(Func<bool> condition, string what)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < NacelleProcess.Patience, $"{what} did not come about within {NacelleProcess.Patience}\n{Seen}");
            Thread.Sleep(10);
        }
    }

    /// <summary>Whether the kernel has stopped the process.</summary>
    public bool IsStopped() =>
        File.ReadAllText($"/proc/{ProcessId}/stat").Split(')')[^1].Trim().StartsWith('T');

    /// <summary>Sends a signal by its name.</summary>
    public void Signal(string name) =>
        HostTool.Run("kill", $"-{name}", ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Waits for the end of the process.</summary>
    /// <returns>Its exit code.</returns>
    public int WaitForEnd()
    {
        Assert.True(_process!.WaitForExit(NacelleProcess.Patience), $"the process did not end\n{Seen}");
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process?.Dispose();
        _line.Dispose();

        // With the last line descriptor gone, reading the master fails and the thread ends.
        _reader.Join();
        _master.Dispose();
    }

    private void Read()
    {
        byte[] buffer = new byte[4096];
        while (!_master.IsClosed && HostDescriptor.Read((int)_master.DangerousGetHandle(), buffer) is int count and > 0)
        {
            lock (_gate)
            {
                _seen.Append(Encoding.UTF8.GetString(buffer, 0, count));
                Monitor.PulseAll(_gate);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_openpt")]
    private static partial int OpenMaster(int flags);

    [LibraryImport("libc", EntryPoint = "grantpt")]
    private static partial int Grant(int descriptor);

    [LibraryImport("libc", EntryPoint = "unlockpt")]
    private static partial int Unlock(int descriptor);

    [LibraryImport("libc", EntryPoint = "ptsname_r")]
    private static partial int Name(int descriptor, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);
}
