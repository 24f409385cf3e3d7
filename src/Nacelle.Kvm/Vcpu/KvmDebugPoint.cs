using Nacelle.Cpu;

namespace Nacelle.Kvm;

/// <summary>What one debug register holds (SDM volume 3, 17.2.4).</summary>
/// <param name="Address">Linear address, aligned to the length.</param>
/// <param name="TypeAndLength">The register's four bits of DR7: R/W, then LEN.</param>
/// <param name="Watchpoint">The watchpoint that it is a part of; null for a breakpoint.</param>
internal readonly record struct KvmDebugPoint(ulong Address, ulong TypeAndLength, Watchpoint? Watchpoint)
{
    /// <summary>The registers that settings need. A watchpoint takes one for each aligned piece of 8, 4, 2 or 1 bytes.</summary>
    public static IEnumerable<KvmDebugPoint> Of(VirtualCpuDebugSettings settings)
    {
        foreach (ulong address in settings.Breakpoints)
        {
            yield return new KvmDebugPoint(address, 0, null);
        }

        foreach (Watchpoint watchpoint in settings.Watchpoints)
        {
            // The processor has writes and accesses; reads alone it cannot tell.
            ulong type = watchpoint.Kind == WatchpointKind.Write ? 1UL : 3UL;
            ulong address = watchpoint.Address;
            int left = watchpoint.Length;
            while (left > 0)
            {
                int size = 8;
                while (size > left || (address & (ulong)(size - 1)) != 0)
                {
                    size >>= 1;
                }

                ulong length = size switch { 1 => 0UL, 2 => 1, 4 => 3, _ => 2 };
                yield return new KvmDebugPoint(address, type | (length << 2), watchpoint);
                address += (ulong)size;
                left -= size;
            }
        }
    }
}
