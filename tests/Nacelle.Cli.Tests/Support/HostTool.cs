using System.Diagnostics;

namespace Nacelle.Cli.Tests;

/// <summary>Runs programs of the host, as oracles and helpers.</summary>
internal static class HostTool
{
    /// <summary>Runs a program to its end; a failure is the test's.</summary>
    /// <returns>Its standard output.</returns>
    public static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{error.Result}");
        return output;
    }
}
