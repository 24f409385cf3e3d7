using Nacelle.Memory;

namespace Nacelle.Cpu;

/// <summary>What an access does, for permissions.</summary>
public enum PageAccess
{
    /// <summary>A data read.</summary>
    Read,

    /// <summary>A data write.</summary>
    Write,

    /// <summary>An instruction fetch.</summary>
    Execute,
}

/// <summary>What a page allows at the privilege it was walked for.</summary>
[Flags]
public enum PageRights
{
    /// <summary>Nothing beyond a supervisor's read.</summary>
    None = 0,

    /// <summary>R/W set at every level.</summary>
    Writable = 1,

    /// <summary>U/S set at every level.</summary>
    User = 2,

    /// <summary>XD clear at every level.</summary>
    Executable = 4,

    /// <summary>G set and CR4.PGE on.</summary>
    Global = 8,

    /// <summary>The dirty bit is set: a write needs no further walk.</summary>
    Dirty = 16,

    /// <summary>The accessed bit is set at every level, and for a write the dirty bit: the walk has no more to mark.</summary>
    Accessed = 32,
}

/// <summary>A finished translation.</summary>
/// <param name="PhysicalAddress">Of the byte asked for.</param>
/// <param name="PageSize">4 KiB, 2 MiB, 4 MiB or 1 GiB.</param>
/// <param name="Rights">The page's own rights; CR0.WP, SMEP and SMAP are the user's of it to apply.</param>
public readonly record struct PageTranslation(ulong PhysicalAddress, ulong PageSize, PageRights Rights);

/// <summary>
/// Walks guest page tables (SDM volume 3, chapter 4): none, 32-bit, PAE, 4-level and 5-level. Stateless; allocates nothing.
/// </summary>
/// <remarks>
/// Accessed and dirty bits are set with a locked compare and exchange, as vCPUs and the guest kernel change entries at the
/// same time. They are set only once the access is known to be allowed. PAE page-directory pointers are read at each walk.
/// </remarks>
public static unsafe class PageTableWalker
{
    private const ulong Present = 1;
    private const ulong Write = 2;
    private const ulong UserBit = 4;
    private const ulong Accessed = 0x20;
    private const ulong Dirty = 0x40;
    private const ulong Large = 0x80;
    private const ulong GlobalBit = 0x100;
    private const ulong NoExecute = 1UL << 63;
    private const uint CodeFetch = 0x10;
    private const uint CodeReserved = 8;
    private const uint CodeProtectionKey = 0x20;

    /// <summary>Translates a linear address.</summary>
    /// <param name="ram">Where the tables lie; a table outside RAM reads as all ones do on a bus: a reserved-bit fault.</param>
    /// <param name="registers">CR0, CR3, CR4, EFER and RFLAGS.AC are used.</param>
    /// <param name="linear">The address, canonical in long mode.</param>
    /// <param name="access">What for.</param>
    /// <param name="user">Whether at privilege level 3.</param>
    /// <param name="implicitAccess">Whether by the processor itself, which SMAP stops whatever AC says.</param>
    /// <param name="physicalBits">The guest's physical address width (CPUID 80000008H).</param>
    /// <param name="translation">The result.</param>
    /// <param name="fault">#PF, with its error code and address.</param>
    /// <param name="mark">Whether accessed and dirty bits are set, as they are but for a debugger's look.</param>
    /// <returns>False for a fault.</returns>
    public static bool TryTranslate(
        GuestMemory ram,
        in CpuRegisters registers,
        ulong linear,
        PageAccess access,
        bool user,
        bool implicitAccess,
        int physicalBits,
        out PageTranslation translation,
        out Fault fault,
        bool mark = true)
    {
        fault = default;
        if ((registers.Cr0 & Cr0Bits.Paging) == 0)
        {
            translation = new PageTranslation(
                linear & 0xFFFF_FFFF, 4096,
                PageRights.Writable | PageRights.User | PageRights.Executable | PageRights.Dirty | PageRights.Accessed);
            return true;
        }

        translation = default;
        bool noExecute = (registers.Efer & EferBits.NoExecute) != 0;
        uint code = (access == PageAccess.Write ? 2u : 0) | (user ? 4u : 0)
            | (access == PageAccess.Execute && (noExecute || (registers.Cr4 & Cr4Bits.SupervisorExecutionPrevention) != 0)
                ? CodeFetch : 0);
        bool wide = (registers.Cr4 & Cr4Bits.PhysicalAddressExtension) != 0;
        int levels = !wide ? 2
            : !registers.IsLongModeActive ? 3
            : (registers.Cr4 & Cr4Bits.LinearAddress57) != 0 ? 5 : 4;
        int width = wide ? 9 : 10;
        int entrySize = wide ? 8 : 4;
        ulong addressMask = (((1UL << physicalBits) - 1) & ~0xFFFUL) & (wide ? ulong.MaxValue : 0xFFFF_F000);
        ulong table = registers.Cr3 & (levels == 3 ? 0xFFFF_FFE0 : addressMask);
        bool largeAllowed = wide || (registers.Cr4 & Cr4Bits.PageSizeExtensions) != 0;
        ulong reserved = !wide ? 0
            : ~((1UL << physicalBits) - 1) & (levels == 3 ? 0x7FFF_FFFF_FFFF_FFFFUL : 0x000F_FFFF_FFFF_FFFFUL);
        if (wide && !noExecute)
        {
            reserved |= NoExecute;
        }

        Span<nint> slots = stackalloc nint[5];
        Span<ulong> values = stackalloc ulong[5];
        ulong rights = Write | UserBit;
        bool executable = true;
        for (int level = levels; ; level--)
        {
            int shift = 12 + ((level - 1) * width);
            ulong index = (linear >> shift) & (levels == 3 && level == 3 ? 3UL : (1UL << width) - 1);
            if (!ram.TryGetHostAddress(table + (index * (ulong)entrySize), (ulong)entrySize, out byte* slot))
            {
                return Refuse(linear, code | CodeReserved | 1, out fault);
            }

            ulong entry = wide ? Volatile.Read(ref *(ulong*)slot) : Volatile.Read(ref *(uint*)slot);
            if ((entry & Present) == 0)
            {
                return Refuse(linear, code, out fault);
            }

            slots[level - 1] = (nint)slot;
            values[level - 1] = entry;
            if (levels == 3 && level == 3)
            {
                // A page-directory pointer of PAE has neither rights nor an accessed bit.
                if ((entry & (reserved | 0x1E6 | NoExecute)) != 0)
                {
                    return Refuse(linear, code | CodeReserved | 1, out fault);
                }

                table = entry & addressMask;
                continue;
            }

            bool leaf = level == 1 || ((entry & Large) != 0 && largeAllowed && level <= 3);
            ulong badBits = reserved | (wide && level >= 4 ? Large : 0);
            if (leaf && level > 1)
            {
                // Address bits below the page, without the PAT bit; of a 4 MiB page 20:13 are physical bits 39:32.
                badBits |= wide ? (1UL << shift) - 0x2000 : 1UL << 21;
            }

            if ((entry & badBits) != 0)
            {
                return Refuse(linear, code | CodeReserved | 1, out fault);
            }

            rights &= entry;
            executable &= !wide || (entry & NoExecute) == 0;
            if (!leaf)
            {
                table = entry & addressMask;
                continue;
            }

            bool userPage = (rights & UserBit) != 0;
            bool writable = (rights & Write) != 0;
            KeyRefusal refused = levels >= 4 ? RefusedByKey(registers, (int)(entry >> 59) & 15, user, userPage) : KeyRefusal.None;
            bool isKeyed = access switch
            {
                PageAccess.Read => refused == KeyRefusal.Access,
                PageAccess.Write => refused != KeyRefusal.None,
                _ => false,
            };
            if (isKeyed || !IsAllowed(registers, access, user, implicitAccess, userPage, writable, executable))
            {
                return Refuse(linear, code | 1 | (isKeyed ? CodeProtectionKey : 0), out fault);
            }

            writable &= refused == KeyRefusal.None;

            if (mark && !TryMark(slots, values, level, levels == 3 ? 2 : levels, access == PageAccess.Write, wide))
            {
                // Someone changed an entry under the walk: begin again with what stands there now.
                level = levels + 1;
                table = registers.Cr3 & (levels == 3 ? 0xFFFF_FFE0 : addressMask);
                rights = Write | UserBit;
                executable = true;
                continue;
            }

            ulong size = 1UL << shift;
            ulong page = !wide && level == 2
                ? (entry & 0xFFC0_0000) | (((entry >> 13) & 0xFF) << 32)
                : entry & addressMask & ~(size - 1);
            bool dirty = (access == PageAccess.Write && mark) || (entry & Dirty) != 0;
            bool accessed = mark || ((entry & Dirty) != 0 || access != PageAccess.Write) && IsMarked(values, level, levels == 3 ? 2 : levels);
            bool global = (entry & GlobalBit) != 0 && (registers.Cr4 & Cr4Bits.PageGlobalEnable) != 0;
            translation = new PageTranslation(
                page | (linear & (size - 1)),
                size,
                (writable ? PageRights.Writable : 0) | (userPage ? PageRights.User : 0)
                    | (executable ? PageRights.Executable : 0) | (global ? PageRights.Global : 0)
                    | (dirty ? PageRights.Dirty : 0)
                    | (accessed ? PageRights.Accessed : 0));
            return true;
        }
    }

    /// <summary>SDM volume 3, 4.6.1.</summary>
    private static bool IsAllowed(
        in CpuRegisters registers,
        PageAccess access,
        bool user,
        bool implicitAccess,
        bool userPage,
        bool writable,
        bool executable)
    {
        if (user)
        {
            return userPage && (access != PageAccess.Write || writable) && (access != PageAccess.Execute || executable);
        }

        if (access == PageAccess.Execute)
        {
            return executable && (!userPage || (registers.Cr4 & Cr4Bits.SupervisorExecutionPrevention) == 0);
        }

        if (userPage && (registers.Cr4 & Cr4Bits.SupervisorAccessPrevention) != 0
            && (implicitAccess || (registers.Rflags & RflagsBits.AlignmentCheck) == 0))
        {
            return false;
        }

        return access != PageAccess.Write || writable || (registers.Cr0 & Cr0Bits.WriteProtect) == 0;
    }

    /// <summary>SDM volume 3, 4.6.2: rights of a protection key, which count for data accesses.</summary>
    private static KeyRefusal RefusedByKey(in CpuRegisters registers, int key, bool user, bool userPage)
    {
        bool enabled = (registers.Cr4 & (userPage ? Cr4Bits.ProtectionKeys : Cr4Bits.SupervisorProtectionKeys)) != 0;
        if (!enabled)
        {
            return KeyRefusal.None;
        }

        ulong rights = (userPage ? registers.ProtectionKeyRights : registers.SupervisorKeyRights) >> (key * 2);
        return (rights & 1) != 0 ? KeyRefusal.Access
            : (rights & 2) != 0 && (user || (registers.Cr0 & Cr0Bits.WriteProtect) != 0) ? KeyRefusal.Write
            : KeyRefusal.None;
    }

    private enum KeyRefusal
    {
        None,
        Write,
        Access,
    }

    private static bool IsMarked(ReadOnlySpan<ulong> values, int leaf, int top)
    {
        bool marked = true;
        for (int level = top; level >= leaf; level--)
        {
            marked &= (values[level - 1] & Accessed) != 0;
        }

        return marked;
    }

    private static bool TryMark(
        Span<nint> slots, Span<ulong> values, int leaf, int top, bool write, bool wide)
    {
        for (int level = top; level >= leaf; level--)
        {
            ulong old = values[level - 1];
            ulong marked = old | Accessed | (write && level == leaf ? Dirty : 0);
            if (marked == old)
            {
                continue;
            }

            bool unchanged = wide
                ? Interlocked.CompareExchange(ref *(ulong*)slots[level - 1], marked, old) == old
                : Interlocked.CompareExchange(ref *(uint*)slots[level - 1], (uint)marked, (uint)old) == (uint)old;
            if (!unchanged)
            {
                return false;
            }
        }

        return true;
    }

    private static bool Refuse(ulong linear, uint code, out Fault fault)
    {
        fault = new Fault(Fault.PageFault, true, code, linear);
        return false;
    }
}
