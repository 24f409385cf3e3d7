using Iced.Intel;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;

namespace Nacelle.Translation.Frontend;

/// <summary>How an instruction is translated.</summary>
internal enum InstructionKind
{
    /// <summary>Plain computation: copied, with its memory operand redirected.</summary>
    Generic,

    /// <summary>Without effect here: prefetches, hints.</summary>
    Nothing,

    /// <summary>CLFLUSH and its like: only faults as a load would.</summary>
    TouchMemory,

    /// <summary>Carried out by the monitor; ends the block.</summary>
    Operation,

    /// <summary>LEA.</summary>
    LoadAddress,

    /// <summary>PUSH of a register or constant.</summary>
    Push,

    /// <summary>POP of a register.</summary>
    Pop,

    /// <summary>LEAVE.</summary>
    Leave,

    /// <summary>Direct near JMP.</summary>
    Jump,

    /// <summary>Jcc.</summary>
    ConditionalJump,

    /// <summary>Direct near CALL, 64-bit.</summary>
    Call,

    /// <summary>Indirect near JMP through a register or memory, 64-bit.</summary>
    IndirectJump,

    /// <summary>Indirect near CALL through a register or memory, 64-bit.</summary>
    IndirectCall,

    /// <summary>Near RET, 64-bit.</summary>
    Return,

    /// <summary>CLI at privilege level 0.</summary>
    ClearInterruptFlag,

    /// <summary>STI at privilege level 0.</summary>
    SetInterruptFlag,

    /// <summary>CLD.</summary>
    ClearDirectionFlag,

    /// <summary>STD.</summary>
    SetDirectionFlag,

    /// <summary>RDTSC and RDTSCP where they are allowed.</summary>
    ReadTimestamp,

    /// <summary>PUSHFQ.</summary>
    PushFlags,

    /// <summary>PUSH of a memory operand, 64-bit.</summary>
    PushMemory,

    /// <summary>MOV of a selector to a 32- or 64-bit register.</summary>
    ReadSelector,

    /// <summary>SWAPGS at privilege level 0.</summary>
    SwapGs,

    /// <summary>STAC where RFLAGS.AC is clear or CLAC where it is set, with SMAP: the soft TLB changes.</summary>
    ChangeAlignmentCheck,

    /// <summary>SYSCALL from 64-bit user code.</summary>
    SystemCall,

    /// <summary>SYSRET to 64-bit code.</summary>
    SystemReturn,

    /// <summary>REP STOS and REP MOVS, 64-bit.</summary>
    RepeatedString,

    /// <summary>XSAVE, FXSAVE and their like, whose operand may cross a page as a matter of course.</summary>
    BulkState,
}

/// <summary>Sorts instructions by how they are translated.</summary>
internal static class InstructionClassifier
{
    /// <summary>Sorts one instruction for a mode.</summary>
    public static InstructionKind Classify(in Instruction instruction, ExecutionMode mode)
    {
        bool wide = mode.IsLong;
        bool isUser = mode.IsUser;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Lea:
                return InstructionKind.LoadAddress;
            case Mnemonic.Nop or Mnemonic.Pause or Mnemonic.Endbr32 or Mnemonic.Endbr64 or Mnemonic.Reservednop
                or Mnemonic.Prefetchnta or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1 or Mnemonic.Prefetcht2
                or Mnemonic.Prefetch or Mnemonic.Prefetchw or Mnemonic.Prefetchwt1 or Mnemonic.Cldemote:
                return InstructionKind.Nothing;
            case Mnemonic.Clflush or Mnemonic.Clflushopt or Mnemonic.Clwb:
                return InstructionKind.TouchMemory;
            case Mnemonic.Push when wide ? IsWidePush(instruction) : StackWidth.IsNarrowPush(instruction):
                return InstructionKind.Push;
            case Mnemonic.Pop when wide ? instruction.Code == Code.Pop_r64 : StackWidth.IsNarrowPop(instruction):
                return InstructionKind.Pop;
            case Mnemonic.Leave when wide ? instruction.Code == Code.Leaveq : StackWidth.IsNarrowLeave(instruction, mode.IsStackWide):
                return InstructionKind.Leave;
            case Mnemonic.Cli when !isUser:
                return InstructionKind.ClearInterruptFlag;
            case Mnemonic.Sti when !isUser:
                return InstructionKind.SetInterruptFlag;
            case Mnemonic.Cld:
                return InstructionKind.ClearDirectionFlag;
            case Mnemonic.Std:
                return InstructionKind.SetDirectionFlag;
            case Mnemonic.Rdtsc or Mnemonic.Rdtscp when !mode.IsTimestampOff:
                return InstructionKind.ReadTimestamp;
            case Mnemonic.Pushfq when wide:
                return InstructionKind.PushFlags;
            case Mnemonic.Push when wide
                ? instruction.Code == Code.Push_rm64 && instruction.Op0Kind == OpKind.Memory
                : StackWidth.IsNarrowPushOfMemory(instruction):
                return InstructionKind.PushMemory;
            case Mnemonic.Mov when instruction.Code is Code.Mov_r32m16_Sreg or Code.Mov_r64m16_Sreg
                && instruction.Op0Kind == OpKind.Register:
                return InstructionKind.ReadSelector;
            case Mnemonic.Swapgs when wide && !isUser:
                return InstructionKind.SwapGs;
            case Mnemonic.Stac or Mnemonic.Clac when wide && mode.IsAccessPrevented:
                return (instruction.Mnemonic == Mnemonic.Stac) == (mode.Tlb == 0)
                    ? InstructionKind.ChangeAlignmentCheck
                    : InstructionKind.Nothing;
            case Mnemonic.Syscall when mode.MayMove && instruction.Length == 2:
                return InstructionKind.SystemCall;
            case Mnemonic.Sysretq when wide && !isUser:
                return InstructionKind.SystemReturn;
            case Mnemonic.Stosb or Mnemonic.Stosw or Mnemonic.Stosd or Mnemonic.Stosq or Mnemonic.Movsb or Mnemonic.Movsw
                or Mnemonic.Movsd or Mnemonic.Movsq when StringEmitter.IsFast(instruction, mode):
                return InstructionKind.RepeatedString;
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc when BitStringEmitter.Applies(instruction)
                && !BitStringEmitter.IsEmitted(instruction, mode):
                return InstructionKind.Operation;
            case Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64 or Mnemonic.Xsave
                or Mnemonic.Xsave64 or Mnemonic.Xsavec or Mnemonic.Xsavec64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64
                or Mnemonic.Xrstor or Mnemonic.Xrstor64 or Mnemonic.Fnsave or Mnemonic.Frstor or Mnemonic.Fnstenv
                or Mnemonic.Fldenv:
                return InstructionKind.BulkState;
        }

        switch (instruction.FlowControl)
        {
            case FlowControl.UnconditionalBranch or FlowControl.ConditionalBranch when wide && instruction.Op0Kind == OpKind.NearBranch16:
                // What AMD's processors make of an operand-size prefix in 64-bit mode.
                return InstructionKind.Operation;
            case FlowControl.UnconditionalBranch:
                return instruction.IsJmpShortOrNear ? InstructionKind.Jump : InstructionKind.Operation;
            case FlowControl.ConditionalBranch:
                return instruction.IsJccShortOrNear ? InstructionKind.ConditionalJump : InstructionKind.Operation;
            case FlowControl.Call:
                return instruction.Code == Code.Call_rel32_64 || (!wide && instruction.Code == CallOf(mode))
                    ? InstructionKind.Call
                    : InstructionKind.Operation;
            case FlowControl.IndirectBranch:
                return instruction.Code == (wide ? Code.Jmp_rm64 : mode.Bitness == 32 ? Code.Jmp_rm32 : Code.Jmp_rm16)
                    ? InstructionKind.IndirectJump
                    : InstructionKind.Operation;
            case FlowControl.IndirectCall:
                return instruction.Code == (wide ? Code.Call_rm64 : mode.Bitness == 32 ? Code.Call_rm32 : Code.Call_rm16)
                    ? InstructionKind.IndirectCall
                    : InstructionKind.Operation;
            case FlowControl.Return:
                return IsNearReturn(instruction, mode) ? InstructionKind.Return : InstructionKind.Operation;
            case FlowControl.Next:
                break;
            default:
                return InstructionKind.Operation;
        }

        return instruction.IsPrivileged || IsOperation(instruction) ? InstructionKind.Operation : InstructionKind.Generic;
    }

    /// <summary>The near call as wide as the code.</summary>
    private static Code CallOf(ExecutionMode mode) => mode.Bitness == 32 ? Code.Call_rel32_32 : Code.Call_rel16;

    private static bool IsNearReturn(in Instruction instruction, ExecutionMode mode) => mode.Bitness switch
    {
        16 => instruction.Code is Code.Retnw or Code.Retnw_imm16,
        32 => instruction.Code is Code.Retnd or Code.Retnd_imm16,
        _ => instruction.Code is Code.Retnq or Code.Retnq_imm16,
    };

    private static bool IsWidePush(in Instruction instruction) => instruction.Code is
        Code.Push_r64 or Code.Pushq_imm8 or Code.Pushq_imm32;

    private static bool IsOperation(in Instruction instruction)
    {
        if (instruction.IsStackInstruction || instruction.IsStringInstruction || instruction.IsVsib)
        {
            return true;
        }

        return instruction.Mnemonic is Mnemonic.Cpuid or Mnemonic.Rdtsc or Mnemonic.Rdtscp or Mnemonic.Rdpmc or Mnemonic.Rdpid
            or Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw or Mnemonic.Lar or Mnemonic.Lsl
            or Mnemonic.Verr or Mnemonic.Verw or Mnemonic.Arpl or Mnemonic.Xgetbv or Mnemonic.Xsetbv or Mnemonic.Rdfsbase
            or Mnemonic.Rdgsbase or Mnemonic.Wrfsbase or Mnemonic.Wrgsbase or Mnemonic.Swapgs or Mnemonic.Stac or Mnemonic.Clac
            or Mnemonic.Lds or Mnemonic.Les or Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Lss or Mnemonic.Xlatb
            or Mnemonic.Maskmovq or Mnemonic.Maskmovdqu or Mnemonic.Vmaskmovdqu or Mnemonic.Monitor or Mnemonic.Mwait
            or Mnemonic.Invpcid or Mnemonic.Invlpg or Mnemonic.Cli or Mnemonic.Sti or Mnemonic.In or Mnemonic.Out
            or Mnemonic.Clzero or Mnemonic.Daa or Mnemonic.Das or Mnemonic.Aaa or Mnemonic.Aas or Mnemonic.Aam or Mnemonic.Aad or Mnemonic.Salc
            or Mnemonic.Bound or Mnemonic.Into or Mnemonic.Lmsw or Mnemonic.Clts or Mnemonic.Vmcall or Mnemonic.Vmmcall
            or Mnemonic.Rdpkru or Mnemonic.Wrpkru or Mnemonic.Xsaves or Mnemonic.Xsaves64 or Mnemonic.Xrstors
            or Mnemonic.Xrstors64 or Mnemonic.Enqcmd or Mnemonic.Umonitor or Mnemonic.Umwait or Mnemonic.Tpause
            || (instruction.Mnemonic == Mnemonic.Mov && InvolvesSystemRegister(instruction));
    }

    private static bool InvolvesSystemRegister(in Instruction instruction)
    {
        for (int i = 0; i < 2; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register)
            {
                Register register = instruction.GetOpRegister(i);
                if (register.IsSegmentRegister() || register.IsCR() || register.IsDR() || register.IsTR())
                {
                    return true;
                }
            }
        }

        return false;
    }
}
