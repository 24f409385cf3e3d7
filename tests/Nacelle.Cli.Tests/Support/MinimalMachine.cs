namespace Nacelle.Cli.Tests;

/// <summary>The command lines of small machines.</summary>
internal static class MinimalMachine
{
    /// <summary>Runs a kernel on the translator with little memory.</summary>
    public static string[] Arguments(string kernel, params ReadOnlySpan<string> more) =>
        ["run", "--kernel", kernel, "--accel", "translator", "--memory", "4M", .. more];
}
