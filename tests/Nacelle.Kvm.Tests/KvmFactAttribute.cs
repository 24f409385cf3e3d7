using System.Runtime.CompilerServices;

namespace Nacelle.Kvm.Tests;

/// <summary>A test that needs /dev/kvm; skipped, with the reason, where it does not open.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KvmFactAttribute : FactAttribute
{
    public KvmFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1)
        : base(file, line)
    {
        KvmProbe probe = KvmHost.Probe();
        if (probe.Availability != KvmAvailability.Available)
        {
            Skip = probe.Reason;
        }
    }
}
