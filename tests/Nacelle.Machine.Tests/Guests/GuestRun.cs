using System.Text;
using Nacelle.Devices.Platform;

namespace Nacelle.Machine.Tests.Guests;

/// <summary>
/// A machine that boots the cloud kernel, runs one shell script and powers off, with what it says on its serial port.
/// Everything waits for lines of the guest or its end, and fails with what was seen.
/// </summary>
internal sealed class GuestRun : ISerialBackend, IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);
    private readonly GuestInitramfs _initramfs = new();
    private readonly StringBuilder _output = new();
    private readonly List<string> _diagnostics = [];
    private readonly VirtualMachine _machine;
    private bool _ended;

    /// <summary>Builds and starts the machine on the calling thread, whose network namespace counts for its back ends.</summary>
    /// <param name="script">What the guest's shell runs.</param>
    /// <param name="description">The machine, without its kernel.</param>
    /// <param name="programs">Programs of the host that the script needs.</param>
    public GuestRun(string script, Func<MachineDescription, MachineDescription> description, params string[] programs)
    {
        _initramfs.AddText("test/run", script);
        foreach (string program in programs)
        {
            _initramfs.AddProgram(program);
        }

        _initramfs.Complete();
        try
        {
            _machine = VirtualMachine.Build(
                description(new MachineDescription
                {
                    // What is tested are devices; a whole kernel does not run on every KVM that the calibration may find good.
                    Accelerator = AcceleratorChoice.Translator,
                    KernelPath = GuestImages.Kernel,
                    InitrdPath = _initramfs.Path,
                    KernelCommandLine = "console=ttyS0 quiet panic=-1 nacelle.run=\"sh /test/run\"",
                    MemoryBytes = 1UL << 30,
                    RestartOnReset = false,
                }),
                this);
        }
        catch
        {
            _initramfs.Dispose();
            throw;
        }

        _machine.Diagnostic += line =>
        {
            lock (_diagnostics)
            {
                _diagnostics.Add(line);
            }
        };
        _machine.Completion.ContinueWith(
            _ =>
            {
                lock (_output)
                {
                    _ended = true;
                    Monitor.PulseAll(_output);
                }
            },
            TaskScheduler.Default);
        _machine.Start();
    }

    /// <summary>Everything that the guest has said.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    void ISerialBackend.Write(ReadOnlySpan<byte> bytes)
    {
        lock (_output)
        {
            _output.Append(Encoding.UTF8.GetString(bytes));
            Monitor.PulseAll(_output);
        }
    }

    /// <summary>Waits until the guest has said something.</summary>
    /// <returns>The line that holds it.</returns>
    public string Await(string text)
    {
        long deadline = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        lock (_output)
        {
            while (true)
            {
                string? line = _output.ToString().Split('\n')[..^1].FirstOrDefault(entry => entry.Contains(text, StringComparison.Ordinal));
                if (line is not null)
                {
                    return line.Trim();
                }

                long left = deadline - Environment.TickCount64;
                if (_ended || left <= 0)
                {
                    Assert.Fail($"the guest never said '{text}'; {Seen()}");
                }

                Monitor.Wait(_output, TimeSpan.FromMilliseconds(left));
            }
        }
    }

    /// <summary>Waits for the end, and wants the script to have succeeded and the guest to have powered off.</summary>
    public void AssertSucceeded()
    {
        Await("nacelle-guest: exit");
        Assert.True(_machine.Completion.Wait(s_patience), $"the guest does not power off; {Seen()}");
        Assert.True(
            _machine.Completion.Result.Reason == MachineStopReason.PowerOff
                && Output.Contains("nacelle-guest: exit 0", StringComparison.Ordinal),
            $"{_machine.Completion.Result}; {Seen()}");
    }

    public void Dispose()
    {
        _machine.Dispose();
        _initramfs.Dispose();
    }

    private string Seen()
    {
        lock (_diagnostics)
        {
            string end = !_machine.Completion.IsCompleted ? "it runs" : _machine.Completion.IsFaulted ? $"{_machine.Completion.Exception}" : $"it ended: {_machine.Completion.Result}";
            return $"{end}; diagnostics: {string.Join("; ", _diagnostics)}; the guest said:\n{Output}";
        }
    }
}
