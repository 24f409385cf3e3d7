using Nacelle.Cpu;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>What a run has left.</summary>
/// <param name="Ending">How it ended.</param>
/// <param name="Text">The same in words.</param>
/// <param name="Records">Eight words each.</param>
internal sealed record ImageRun(VirtualCpuExitReason Ending, string Text, IReadOnlyList<ulong[]> Records)
{
    public override string ToString() => Text;
}
