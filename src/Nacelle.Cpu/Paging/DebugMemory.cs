using Nacelle.Memory;

namespace Nacelle.Cpu;

/// <summary>
/// Memory at linear addresses as a debugger sees it: whatever the page tables map to RAM, without regard to rights and without
/// leaving accessed or dirty bits. While the vCPU stands still.
/// </summary>
public static class DebugMemory
{
    private const int WidestPhysicalAddress = 52;

    /// <summary>Reads up to the first byte that is not mapped or not RAM; devices are left alone, for reading changes them.</summary>
    /// <returns>Bytes read.</returns>
    public static int Read(GuestMemory ram, in CpuRegisters registers, ulong linear, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(ram);
        int done = 0;
        while (done < destination.Length)
        {
            int here = InPage(linear + (ulong)done, destination.Length - done);
            if (!TryTranslate(ram, registers, linear + (ulong)done, out ulong physical)
                || !ram.TryRead(physical, destination.Slice(done, here)))
            {
                break;
            }

            done += here;
        }

        return done;
    }

    /// <summary>Writes all of it, code and read-only pages included, or nothing.</summary>
    /// <returns>False where some byte is not mapped to RAM.</returns>
    public static bool TryWrite(GuestMemory ram, in CpuRegisters registers, ulong linear, ReadOnlySpan<byte> source)
    {
        ArgumentNullException.ThrowIfNull(ram);
        for (int pass = 0; pass < 2; pass++)
        {
            int done = 0;
            while (done < source.Length)
            {
                int here = InPage(linear + (ulong)done, source.Length - done);
                if (!TryTranslate(ram, registers, linear + (ulong)done, out ulong physical)
                    || (pass == 0 ? !ram.IsRam(physical, (ulong)here) : !ram.TryWrite(physical, source.Slice(done, here))))
                {
                    return false;
                }

                done += here;
            }
        }

        return true;
    }

    /// <summary>Finds the guest-physical address behind a linear one.</summary>
    public static bool TryTranslate(GuestMemory ram, in CpuRegisters registers, ulong linear, out ulong physical)
    {
        CpuRegisters supervisor = registers;
        supervisor.Cr4 &= ~(Cr4Bits.SupervisorAccessPrevention | Cr4Bits.SupervisorExecutionPrevention);
        if (supervisor.IsLongModeActive && (supervisor.Cr4 & Cr4Bits.LinearAddress57) == 0 && (ulong)((long)(linear << 16) >> 16) != linear)
        {
            physical = 0;
            return false;
        }

        bool found = PageTableWalker.TryTranslate(
            ram, supervisor, linear, PageAccess.Read, user: false, implicitAccess: false, WidestPhysicalAddress,
            out PageTranslation translation, out _, mark: false);
        physical = translation.PhysicalAddress;
        return found;
    }

    private static int InPage(ulong address, int length) =>
        (int)Math.Min((ulong)length, GuestMemory.PageSize - (address % GuestMemory.PageSize));
}
