using System.Diagnostics;

namespace Nacelle.Cli.Tests;

/// <summary>Stock gdb, run with commands to its end.</summary>
internal static class GdbProcess
{
    /// <summary>Skips a test where gdb is not installed.</summary>
    public static void SkipUnlessInstalled() => Assert.SkipUnless(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, "gdb"))),
        "gdb is not on PATH: install package gdb");

    /// <summary>Runs commands one after the other; gdb ends at the first that fails.</summary>
    /// <returns>Everything that it printed.</returns>
    public static string Run(params string[] commands)
    {
        ProcessStartInfo start = new("gdb", ["-nx", "-batch", .. commands.SelectMany(command => new[] { "-ex", command })])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process gdb = Process.Start(start)!;
        gdb.StandardInput.Close();
        Task<string> output = gdb.StandardOutput.ReadToEndAsync();
        Task<string> error = gdb.StandardError.ReadToEndAsync();
        if (!gdb.WaitForExit(NacelleProcess.Patience * 2))
        {
            gdb.Kill(entireProcessTree: true);
            gdb.WaitForExit();
            Assert.Fail($"gdb did not end\n--- output\n{output.Result}\n--- error\n{error.Result}\n---");
        }

        return $"{output.Result}\n--- error\n{error.Result}\n---";
    }
}
