using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace Nacelle.Block.Tests;

/// <summary>Every cache mode on every engine.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CombinedModesAttribute : DataAttribute
{
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker) =>
        new(Enum.GetValues<BlockCacheMode>()
            .SelectMany(mode => new[] { false, true }.Select(threads => (ITheoryDataRow)new TheoryDataRow(mode, threads)))
            .ToArray());

    public override bool SupportsDiscoveryEnumeration() => true;
}
