using Iced.Intel;

namespace Nacelle.Translation.Frontend;

/// <summary>How wide what stack instructions push and pop is, and which of them are emitted outside 64-bit mode.</summary>
internal static class StackWidth
{
    /// <summary>Bytes that a PUSH, POP, LEAVE, near CALL or near RET moves.</summary>
    public static int Of(in Instruction instruction) => instruction.Code switch
    {
        Code.Retnw or Code.Retnw_imm16 or Code.Leavew => 2,
        Code.Retnd or Code.Retnd_imm16 or Code.Leaved => 4,
        Code.Retnq or Code.Retnq_imm16 or Code.Leaveq => 8,
        _ => Math.Abs(instruction.StackPointerIncrement),
    };

    /// <summary>Whether an instruction of 16- or 32-bit code is a PUSH of a register or a constant.</summary>
    public static bool IsNarrowPush(in Instruction instruction) => instruction.Code is Code.Push_r16 or Code.Push_r32
        or Code.Push_imm16 or Code.Pushd_imm32 or Code.Pushw_imm8 or Code.Pushd_imm8;

    /// <summary>Whether it is a PUSH of memory.</summary>
    public static bool IsNarrowPushOfMemory(in Instruction instruction) =>
        instruction.Code is Code.Push_rm16 or Code.Push_rm32 && instruction.Op0Kind == OpKind.Memory;

    /// <summary>Whether it is a POP of a register.</summary>
    public static bool IsNarrowPop(in Instruction instruction) => instruction.Code is Code.Pop_r16 or Code.Pop_r32;

    /// <summary>Whether it is a LEAVE as wide as the stack.</summary>
    public static bool IsNarrowLeave(in Instruction instruction, bool isStackWide) =>
        instruction.Code == (isStackWide ? Code.Leaved : Code.Leavew);
}
