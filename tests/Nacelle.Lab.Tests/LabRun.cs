using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;

namespace Nacelle.Lab.Tests;

/// <summary>
/// One run of the KVM lab (tests/lab): QEMU emulates a processor with SVM, Debian's kernel loads kvm_amd on it, and Nacelle
/// boots guests there. The tests look at what it said.
/// </summary>
/// <remarks>Takes some minutes. Progress goes to standard error as it comes.</remarks>
public sealed class LabRun : IAsyncLifetime
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan s_buildDeadline = TimeSpan.FromMinutes(20);

    private readonly List<string> _lines = [];

    /// <summary>Why there was no run, or null.</summary>
    public string? Missing { get; private set; }

    /// <summary>How long the lab took, without its building.</summary>
    public TimeSpan Elapsed { get; private set; }

    /// <summary>Everything that the lab wrote to its serial port, line by line.</summary>
    public IReadOnlyList<string> Lines => _lines;

    /// <summary>What stands behind the first "lab: KEY " or "lab-guest: KEY ".</summary>
    public string Value(string key) => Values(key) is [string first, ..]
        ? first
        : throw new InvalidOperationException($"the lab never said '{key}'; its last lines:\n{Tail()}");

    /// <summary>What stands behind every "lab: KEY " or "lab-guest: KEY ".</summary>
    public List<string> Values(string key)
    {
        List<string> values = [];
        foreach (string line in _lines)
        {
            foreach (string prefix in (string[])[$"lab: {key}", $"lab-guest: {key}"])
            {
                if (line == prefix || line.StartsWith(prefix + " ", StringComparison.Ordinal))
                {
                    values.Add(line[prefix.Length..].Trim());
                }
            }
        }

        return values;
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        if (!Path.Exists("/usr/bin/qemu-system-x86_64"))
        {
            Missing = "qemu-system-x86_64 is missing: apt-get install qemu-system-x86";
            return;
        }

        string root = Root();
        await Build(root, "./build.sh");
        await Build(root, "./guests.sh");
        await Build(root, "tests/lab/build.sh");
        long begin = Stopwatch.GetTimestamp();
        await Boot(root);
        Elapsed = Stopwatch.GetElapsedTime(begin);
        await Console.Error.WriteLineAsync($"lab: took {Elapsed.TotalSeconds:0} s");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static string Root([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    private static async Task Build(string root, string script)
    {
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(root, script))
        {
            WorkingDirectory = root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource deadline = new(s_buildDeadline);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{script} did not end within {s_buildDeadline.TotalMinutes} minutes");
        }

        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{script} ended with {process.ExitCode}:\n{await output}{await errors}");
        }
    }

    private async Task Boot(string root)
    {
        string[] arguments =
        [
            "-accel", "tcg,thread=multi", "-cpu", "EPYC,+svm", "-smp", "2", "-m", "2048", "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", Path.Combine(root, "artifacts/guests/vmlinuz-cloud"),
            "-initrd", Path.Combine(root, "artifacts/lab/initramfs.cpio.gz"),
            "-append", "console=ttyS0 quiet panic=-1 nacelle.run=\"sh /lab/host.sh\"",
        ];
        using Process qemu = Process.Start(new ProcessStartInfo("qemu-system-x86_64", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        })!;
        Task<string> errors = qemu.StandardError.ReadToEndAsync();
        using CancellationTokenSource deadline = new(s_deadline);
        try
        {
            while (await qemu.StandardOutput.ReadLineAsync(deadline.Token) is string line)
            {
                line = line.TrimEnd('\r', ' ');
                _lines.Add(line);
                if (line.StartsWith("lab", StringComparison.Ordinal))
                {
                    await Console.Error.WriteLineAsync(line);
                }
            }

            await qemu.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"the lab did not end within {s_deadline.TotalMinutes} minutes; its last lines:\n{Tail()}");
        }
        finally
        {
            if (!qemu.HasExited)
            {
                qemu.Kill();
            }
        }

        if (Values("ends").Count == 0)
        {
            throw new InvalidOperationException($"the lab broke off: {await errors}\n{Tail()}");
        }
    }

    private string Tail()
    {
        StringBuilder text = new();
        foreach (string line in _lines.TakeLast(60))
        {
            text.AppendLine(line);
        }

        return text.ToString();
    }
}
