namespace Nacelle.Configuration;

/// <summary>C2.MIG-CPU and C2.MIG-NX, and what else two hosts must agree in.</summary>
internal static class HostPairRules
{
    internal static Rule Cpu { get; } = new()
    {
        Id = "C2.MIG-CPU",
        Title = "processors of two hosts",
        Row = "Live migration is only possible between hosts of the same CPU type: Intel to Intel, AMD to AMD.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Migration,
        Explanation = "The guest has seen the vendor, its ways of system calls and its features, and goes on using them.",
        Remedy = "Migrate within one vendor, with a CPU model that both hosts have.",
        Evaluate = CheckCpu,
    };

    internal static Rule NoExecute { get; } = new()
    {
        Id = "C2.MIG-NX",
        Title = "NX of two hosts",
        Row = "Both hosts must have the same NX setting.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Migration,
        Explanation = "A guest whose page tables use NX faults on a host without it: the bit is reserved there.",
        Remedy = "Turn NX on in the firmware of both hosts (Execute Disable, bit 34 of MSR 1A0h), and leave noexec=off out.",
        Evaluate = CheckNoExecute,
    };

    private static IEnumerable<RuleMatch> CheckCpu(RuleContext context)
    {
        if (context is not { Host: { } source, Destination: { } destination })
        {
            yield break;
        }

        if (source.Cpu.Vendor != destination.Cpu.Vendor)
        {
            yield return new RuleMatch(
                "/cpu", $"migrating from {source.HostName} ({source.Cpu.Vendor.Trim()}) to {destination.HostName} ({destination.Cpu.Vendor.Trim()})",
                "the processors are of different vendors", "migrate to a host of the same vendor, or shut the guest down and start it there");
        }
    }

    private static IEnumerable<RuleMatch> CheckNoExecute(RuleContext context)
    {
        if (context is not { Host: { } source, Destination: { } destination } || source.Cpu.IsNoExecuteInForce == destination.Cpu.IsNoExecuteInForce)
        {
            yield break;
        }

        HostFacts without = source.Cpu.IsNoExecuteInForce ? destination : source;
        string why = without.Cpu.NoExecute switch
        {
            NoExecuteState.DisabledByKernel => "its kernel was booted with noexec=off",
            NoExecuteState.DisabledByFirmware => "its firmware hides it (Execute Disable; on Intel bit 34 of MSR 1A0h)",
            _ => "its processor has none",
        };
        yield return new RuleMatch(
            "/cpu", $"migrating from {source.HostName} to {destination.HostName}", $"{without.HostName} is without NX, the other is not: {why}",
            "give both hosts the same NX setting");
    }
}
