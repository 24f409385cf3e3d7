using Nacelle.Cpu;
using Nacelle.Kvm;

namespace Nacelle.Machine.Boot;

/// <summary>The memory type range registers as firmware leaves them (SDM volume 3, 12.11).</summary>
internal static class MemoryTypes
{
    private const uint DefaultType = 0x2FF;
    private const ulong Enabled = 1 << 11;
    private const ulong WriteBack = 6;

    /// <summary>
    /// Makes write-back the type of all memory. Off, as they are after reset, Linux leaves the page attribute table alone too.
    /// </summary>
    /// <param name="processor">Does not run.</param>
    internal static void SetDefault(IVirtualCpu processor)
    {
        if (processor is KvmVirtualCpu kvm)
        {
            kvm.TryWriteModelSpecificRegister(DefaultType, Enabled | WriteBack);
        }
    }
}
