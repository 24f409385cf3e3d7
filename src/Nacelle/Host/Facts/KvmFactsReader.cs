using System.Collections.Immutable;
using Nacelle.Configuration;
using Nacelle.Cpu;
using Nacelle.Kvm;
using Nacelle.Linux;

namespace Nacelle;

/// <summary>Reads the facts of KVM. Stateless.</summary>
internal static class KvmFactsReader
{
    private const string Modules = "/sys/module";

    /// <summary>Reads the modules of a host, and asks this host's KVM what it offers.</summary>
    internal static HostKvmFacts Read(HostTree tree)
    {
        KvmProbe probe = KvmHost.Probe();
        return Read(tree, probe, probe.Availability == KvmAvailability.Available ? Features(() => KvmCpuid.Supported(0, 0, 1, nested: true)) : null);
    }

    /// <summary>Reads the modules of a host.</summary>
    /// <param name="tree">The host.</param>
    /// <param name="probe">What a look at /dev/kvm found.</param>
    /// <param name="features">What KVM can show to guests; null where it was not asked.</param>
    internal static HostKvmFacts Read(HostTree tree, KvmProbe probe, ImmutableArray<string>? features) => new()
    {
        Availability = probe.Availability,
        Reason = probe.Reason,
        Modules = [.. tree.Names(Modules).Where(name => name == "kvm" || name.StartsWith("kvm_", StringComparison.Ordinal))],
        Nested = Nested(tree, "kvm_intel") ?? Nested(tree, "kvm_amd"),
        Capabilities = probe.Facts,
        Features = features,
    };

    /// <summary>The names of the features in a table; null where the accelerator cannot make one.</summary>
    internal static ImmutableArray<string>? Features(Func<CpuidTable> offer)
    {
        try
        {
            return [.. CpuFeatures.Of(offer()).Select(feature => feature.Name)];
        }
        catch (Exception error) when (error is LinuxException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    private static bool? Nested(HostTree tree, string module) =>
        tree.Line($"{Modules}/{module}/parameters/nested") is string value ? value is "1" or "Y" : null;
}
