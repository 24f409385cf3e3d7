using Nacelle.Cpu;
using Nacelle.Memory;

namespace Nacelle.Machine.Runtime;

/// <summary>Says in a few words what a vCPU was about, for those who mend what went wrong with it.</summary>
internal static class GuestPlace
{
    private const int MostBytes = 16;

    /// <summary>Describes where a vCPU stands: RIP, the bytes there, and the mode. On its thread, outside of <see cref="IVirtualCpu.Run"/>.</summary>
    /// <returns>Part of a line; what cannot be read any more is left out.</returns>
    internal static string Describe(IVirtualCpu processor, GuestMemory ram)
    {
        try
        {
            processor.ReadState(out CpuRegisters registers);
            int bitness = registers.IsLongModeActive && (registers.Cs.Attributes & 0x2000) != 0 ? 64 : (registers.Cs.Attributes & 0x4000) != 0 ? 32 : 16;
            string mode = !registers.IsProtected ? "real mode" : (registers.Rflags & RflagsBits.Virtual8086) != 0 ? "virtual-8086 mode" : $"{bitness}-bit code at level {registers.PrivilegeLevel}";
            return $"the guest was at 0x{registers.Rip:x} in {mode}, bytes {BytesAt(ram, registers, bitness)}, "
                + $"RFLAGS 0x{registers.Rflags:x}, CR0 0x{registers.Cr0:x}, CR4 0x{registers.Cr4:x}, EFER 0x{registers.Efer:x}";
        }
        catch (Exception error)
        {
            // The report of the first defect must not be lost over a second.
            return $"the guest's registers cannot be read: {error.GetType().Name}: {error.Message.ReplaceLineEndings(" ")}";
        }
    }

    private static string BytesAt(GuestMemory ram, in CpuRegisters registers, int bitness)
    {
        Span<byte> bytes = stackalloc byte[MostBytes];
        ulong linear = bitness == 64 ? registers.Rip : (uint)(registers.Cs.Base + registers.Rip);
        int count = DebugMemory.Read(ram, registers, linear, bytes);
        return count == 0 ? "not in memory" : Convert.ToHexString(bytes[..count]);
    }
}
