using System.Text.RegularExpressions;

namespace Nacelle.Cli.Tests;

/// <summary>Debian's kernel under stock gdb.</summary>
public sealed class GdbBootTests
{
    [Fact]
    [Trait("Duration", "Long")]
    public void A_kernel_stops_at_a_function_steps_and_watches_its_clock()
    {
        GdbProcess.SkipUnlessInstalled();
        using TemporaryDirectory directory = new();
        string socket = directory.Combine("gdb");
        const string command = "grep -wE 'do_sys_openat2|jiffies_64' /proc/kallsyms; while true; do cat /proc/version > /dev/null; done";
        using NacelleProcess process = NacelleProcess.Start(
            LinuxGuest.Arguments("cloud", command, "", "--cpus", "2", "--gdb", $"socket:{socket}"));
        process.WaitForOutput(" do_sys_openat2");
        process.WaitForOutput(" jiffies_64");
        string function = AddressPattern("do_sys_openat2").Match(process.SeenOutput).Groups[1].Value;
        string clock = AddressPattern("jiffies_64").Match(process.SeenOutput).Groups[1].Value;
        string seen = GdbProcess.Run(
            "set architecture i386:x86-64",
            $"target remote {socket}",
            "info threads",
            "info registers",
            $"break *0x{function}",
            "continue",
            "print/x $pc",
            "print (char*)$rsi",
            "continue",
            "stepi",
            $"print $pc > 0x{function} && $pc < 0x{function} + 16",
            "delete",
            $"print *(long*)0x{clock}",
            $"watch *(long*)0x{clock}",
            "continue",
            $"print *(long*)0x{clock} > $4",
            "delete",
            "kill");
        Assert.Contains("(vCPU 0)", seen, StringComparison.Ordinal);
        Assert.Contains("(vCPU 1)", seen, StringComparison.Ordinal);
        Assert.Contains($"$1 = 0x{function}\n", seen, StringComparison.Ordinal);
        Assert.Matches("\\$2 = 0x[0-9a-f]+ \"/[a-z/]+\"\n", seen);
        Assert.Contains("$3 = 1\n", seen, StringComparison.Ordinal);
        Assert.Matches("Old value = [0-9]+\nNew value = [0-9]+\n", seen);
        Assert.Contains("$5 = 1\n", seen, StringComparison.Ordinal);
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == (int)ExitCode.Quit, $"{end}\n{seen}");
    }

    private static Regex AddressPattern(string symbol) => new($"(?m)^([0-9a-f]{{16}}) . {symbol}\r?$");
}
