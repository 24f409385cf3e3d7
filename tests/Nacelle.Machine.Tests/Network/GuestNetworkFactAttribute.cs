using System.Runtime.CompilerServices;
using Nacelle.Machine.Tests.Guests;
using Nacelle.Network.Tests;

namespace Nacelle.Machine.Tests.Network;

/// <summary>A test with a guest on a network of the host; skipped, with the reason, where something for it is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class GuestNetworkFactAttribute : FactAttribute
{
    public GuestNetworkFactAttribute(
        bool passt = false, bool iperf = false, [CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        Skip = GuestImages.Missing
            ?? HostFactAttribute.Missing(HostAbility.Tap)
            ?? (passt ? HostFactAttribute.Missing(HostAbility.Passt) : null)
            ?? (iperf && !File.Exists(GuestNetworkTests.Iperf) ? "iperf3 is not installed: apt-get install iperf3" : null);
    }
}
