using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <summary>Prepares in the context what emitted SYSCALL and SYSRET need of MSRs and control registers. Owned by the vCPU's thread.</summary>
internal sealed unsafe class FastCallState(TranslatorContext* context)
{
    private const ulong AlignmentCheck = 1 << 18;
    private (ulong Cr0, ulong Cr4, ulong Xcr0, ulong Efer, ulong Star, ulong FlagMask) _seen;

    /// <summary>The mode of user code after SYSRET.</summary>
    public ExecutionMode UserMode => new(context->UserMode);

    /// <summary>The mode of supervisor code after SYSCALL.</summary>
    public ExecutionMode SupervisorMode => new(context->SupervisorMode);

    /// <summary>Whether the registers are such that calls may be fast.</summary>
    public bool IsUsual { get; private set; }

    /// <summary>Follows changes of the registers.</summary>
    /// <returns>Whether calls may be fast and something has changed.</returns>
    public bool Refresh()
    {
        ref CpuRegisters registers = ref context->Registers;
        var now = (registers.Cr0, registers.Cr4, registers.Xcr0, registers.Efer, registers.Star, registers.SyscallFlagMask);
        if (now == _seen)
        {
            return false;
        }

        _seen = now;

        // SYSCALL has to clear RFLAGS.AC, or whether SMAP is lifted would depend on the caller.
        const ulong longWithCalls = 0x401;
        IsUsual = (registers.Efer & longWithCalls) == longWithCalls && (registers.SyscallFlagMask & AlignmentCheck) != 0;
        if (!IsUsual)
        {
            return false;
        }

        context->SyscallFlagsKept = ~(registers.SyscallFlagMask | RflagsBits.Resume);
        ushort call = (ushort)((registers.Star >> 32) & 0xFFFC);
        ushort back = (ushort)(registers.Star >> 48);
        context->SyscallCode = Flat(call, 0xA09B);
        context->SyscallStack = Flat((ushort)(call + 8), 0xC093);
        context->SysretCode = Flat((ushort)((back + 16) | 3), 0xA0FB);
        context->SysretStack = Flat((ushort)((back + 8) | 3), 0xC0F3);
        CpuRegisters imagined = registers;
        imagined.Rflags &= ~(AlignmentCheck | RflagsBits.Virtual8086 | RflagsBits.Trap);
        imagined.DisableBreakpoints();
        imagined.Cs = new SegmentRegister { Attributes = 0xA09B };
        imagined.Ss = new SegmentRegister { Attributes = 0xC093 };
        context->SupervisorMode = ExecutionMode.Of(imagined).Bits;
        imagined.Ss.Attributes = 0xC0F3;
        context->UserMode = ExecutionMode.Of(imagined).Bits;
        return true;
    }

    /// <summary>A segment register but for its base: limit, selector and attributes as they lie in <see cref="SegmentRegister"/>.</summary>
    private static ulong Flat(ushort selector, ushort attributes) =>
        uint.MaxValue | ((ulong)selector << 32) | ((ulong)attributes << 48);
}
