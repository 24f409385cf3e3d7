using Nacelle.Cpu;
using Nacelle.Memory;

namespace Nacelle.Translation.Memory;

/// <summary>Where a linear address lies.</summary>
/// <param name="PhysicalAddress">The guest-physical address.</param>
/// <param name="IsWritable">Whether a later write needs no further walk.</param>
/// <param name="IsGlobal">Whether the translation outlives a change of address space.</param>
/// <param name="PageSize">Bytes of the page that the tables map it by.</param>
/// <param name="IsMarked">Whether the accessed bits, and for a write the dirty bit, are set by now.</param>
internal readonly record struct PageWalk(ulong PhysicalAddress, bool IsWritable, bool IsGlobal, ulong PageSize, bool IsMarked);

/// <summary>The page-table walk with the permissions of one of the soft TLBs.</summary>
internal static class PageTables
{
    /// <summary>Translates.</summary>
    /// <param name="registers">The vCPU's control registers.</param>
    /// <param name="ram">Where the tables are.</param>
    /// <param name="address">Linear address.</param>
    /// <param name="access">What for.</param>
    /// <param name="tlb">0 supervisor, 1 user, 2 supervisor with SMAP lifted.</param>
    /// <param name="physicalBits">Width of physical addresses; entries with bits beyond it are refused.</param>
    /// <param name="walk">The result.</param>
    /// <param name="fault">The exception when refused.</param>
    /// <param name="mark">Whether accessed and dirty bits are set.</param>
    public static bool TryWalk(
        in CpuRegisters registers,
        GuestMemory ram,
        ulong address,
        PageAccess access,
        int tlb,
        int physicalBits,
        out PageWalk walk,
        out Fault fault,
        bool mark = true)
    {
        // Non-canonical addresses raise #GP, or #SS through the stack (SDM volume 1, 3.3.7.1): whoever knows the instruction
        // tells by the address in the fault which it is.
        if (registers.IsLongModeActive && (ulong)((long)(address << 16) >> 16) != address)
        {
            walk = default;
            fault = new Fault(Fault.GeneralProtection, true, 0, address);
            return false;
        }

        bool found = PageTableWalker.TryTranslate(
            ram, registers, address, access, tlb == 1, implicitAccess: tlb == 0, physicalBits, out PageTranslation translation, out fault, mark);
        const PageRights straight = PageRights.Writable | PageRights.Dirty;
        walk = new PageWalk(
            translation.PhysicalAddress,
            (access == PageAccess.Write && mark) || (translation.Rights & straight) == straight,
            (translation.Rights & PageRights.Global) != 0,
            translation.PageSize,
            mark || (translation.Rights & PageRights.Accessed) != 0);
        return found;
    }
}
