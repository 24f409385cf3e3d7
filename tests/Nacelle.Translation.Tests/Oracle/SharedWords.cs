using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Emits accesses to the words of <see cref="NativeProgram.Shared"/> that need no register: their addresses are relative to RIP.</summary>
internal sealed class SharedWords(Assembler assembler)
{
    public void Load(AssemblerRegister64 register, int offset) =>
        assembler.AddInstruction(Instruction.Create(Code.Mov_r64_rm64, register, At(offset)));

    public void Store(int offset, AssemblerRegister64 register) =>
        assembler.AddInstruction(Instruction.Create(Code.Mov_rm64_r64, At(offset), register));

    public void Store(int offset, int value) =>
        assembler.AddInstruction(Instruction.Create(Code.Mov_rm64_imm32, At(offset), value));

    public void Compare(AssemblerRegister64 register, int offset) =>
        assembler.AddInstruction(Instruction.Create(Code.Cmp_r64_rm64, register, At(offset)));

    public void CompareZero(int offset) =>
        assembler.AddInstruction(Instruction.Create(Code.Cmp_rm64_imm8, At(offset), 0));

    public void Increment(int offset) => assembler.AddInstruction(Instruction.Create(Code.Inc_rm64, At(offset)));

    public void Pop(int offset) => assembler.AddInstruction(Instruction.Create(Code.Pop_rm64, At(offset)));

    public void Jump(int offset) => assembler.AddInstruction(Instruction.Create(Code.Jmp_rm64, At(offset)));

    public void JumpFar(int offset) => assembler.AddInstruction(Instruction.Create(Code.Jmp_m1632, At(offset)));

    private static MemoryOperand At(int offset) => new(Register.RIP, (long)NativeProgram.Shared + offset, 8);
}
