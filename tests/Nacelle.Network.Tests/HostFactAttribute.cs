using System.Diagnostics;
using System.Runtime.CompilerServices;
using Nacelle.Linux;

namespace Nacelle.Network.Tests;

/// <summary>What a test of this project asks of the host.</summary>
public enum HostAbility
{
    /// <summary>Make network namespaces and tap interfaces in them.</summary>
    Tap,

    /// <summary>Run passt.</summary>
    Passt,
}

/// <summary>A test that needs something of the host; skipped, with the reason, where the host refuses.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class HostFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> s_tap = new(ProbeTap);
    private static readonly Lazy<string?> s_passt = new(ProbePasst);

    public HostFactAttribute(HostAbility ability, [CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        Skip = Missing(ability);
    }

    /// <summary>Null, or why the host cannot.</summary>
    public static string? Missing(HostAbility ability) => (ability == HostAbility.Tap ? s_tap : s_passt).Value;

    private static string? ProbeTap()
    {
        if (!File.Exists("/dev/net/tun"))
        {
            return "the host has no /dev/net/tun";
        }

        string error = "unshare refused";
        Thread probe = new(() => error = NetworkNamespace.TryEnter() ?? TryTap());
        probe.Start();
        probe.Join();
        return error.Length == 0 ? null : error;
    }

    private static string TryTap()
    {
        try
        {
            TapAttachment.Open("probe0", multiQueue: false).Dispose();
            return "";
        }
        catch (LinuxException refusal)
        {
            return refusal.Message;
        }
    }

    private static string? ProbePasst()
    {
        try
        {
            using Process passt = Process.Start(new ProcessStartInfo("passt", "--version")
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            passt.WaitForExit();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "passt is not installed: apt-get install passt";
        }

        // passt shuts itself into a user namespace; in a chroot, for one, the kernel grants none (user_namespaces(7)).
        using Process unshare = Process.Start(new ProcessStartInfo("unshare", "--user true") { RedirectStandardError = true })!;
        string error = unshare.StandardError.ReadToEnd();
        unshare.WaitForExit();
        return unshare.ExitCode == 0 ? null : $"the host grants no user namespace to passt: {error.Trim()}";
    }
}
