using System.Runtime.CompilerServices;

namespace Nacelle.Cli.Tests;

/// <summary>Command lines of machines with Debian's kernels, which ./guests.sh puts together.</summary>
internal static class LinuxGuest
{
    /// <summary>What the guest writes when its first process runs.</summary>
    public const string Init = "nacelle-guest: init";

    /// <summary>Boots a kernel on the translator, runs a command in it and powers off.</summary>
    /// <param name="kind">cloud, generic or rt.</param>
    /// <param name="command">For the guest's shell, without double quotes.</param>
    /// <param name="words">Further words of the kernel command line.</param>
    /// <param name="more">Further arguments.</param>
    public static string[] Arguments(string kind, string command, string words = "", params ReadOnlySpan<string> more) =>
        TranslatorArguments("translator", kind, command, words, more);

    /// <summary>The same with options of the translator.</summary>
    /// <param name="accelerator">The value of --accel.</param>
    /// <param name="kind">cloud, generic or rt.</param>
    /// <param name="command">For the guest's shell, without double quotes.</param>
    /// <param name="words">Further words of the kernel command line.</param>
    /// <param name="more">Further arguments.</param>
    public static string[] TranslatorArguments(
        string accelerator, string kind, string command, string words = "", params ReadOnlySpan<string> more) =>
    [
        "run", "--accel", accelerator, "--kernel", Find($"vmlinuz-{kind}"), "--initrd", Find("initramfs.cpio.gz"),
        "--append", $"console=ttyS0 quiet {words} nacelle.run=\"{command}\"", .. more,
    ];

    /// <summary>Boots, runs a command and asserts that it and the machine ended well.</summary>
    /// <returns>What came on the console.</returns>
    public static string Run(string kind, string command, params ReadOnlySpan<string> more)
    {
        ProcessEnd end = NacelleProcess.Run(Arguments(kind, command, "", more));
        Assert.True(end.Code == 0 && end.Output.Contains("nacelle-guest: exit 0", StringComparison.Ordinal), end.ToString());
        return end.Output;
    }

    private static string Find(string name, [CallerFilePath] string here = "")
    {
        string path = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "artifacts", "guests", name));
        Assert.True(File.Exists(path), $"{path} is missing: run ./guests.sh");
        return path;
    }
}
