using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Frontend;

namespace Nacelle.Translation.Tests;

public sealed class InstructionClassifierTests
{
    /// <summary>
    /// Copied code runs with the monitor's addresses: whatever touches memory other than through the operand that is
    /// redirected would touch the monitor's.
    /// </summary>
    [Fact]
    public void Nothing_is_copied_that_touches_memory_beside_its_operand()
    {
        CpuRegisters registers = BareMachine.InitialState();
        ExecutionMode mode = ExecutionMode.Of(registers);
        InstructionInfoFactory factory = new();
        List<string> found = [];
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo info = code.ToOpCode();
            if (!info.IsInstruction || !info.Mode64 || !InstructionSet.OfHost.Offers(code))
            {
                continue;
            }

            Instruction instruction = new() { Code = code };
            bool hasOperand = SetMemoryOperand(ref instruction, info);
            if (InstructionClassifier.Classify(instruction, mode) != InstructionKind.Generic)
            {
                continue;
            }

            foreach (UsedMemory memory in factory.GetInfo(instruction).GetUsedMemory())
            {
                bool isTouched = memory.Access is not (OpAccess.None or OpAccess.NoMemAccess);
                if (isTouched && !(hasOperand && memory.Base == Register.RBX))
                {
                    found.Add(code.ToString());
                }
            }
        }

        Assert.True(found.Count == 0, string.Join(", ", found));
    }

    private static bool SetMemoryOperand(ref Instruction instruction, OpCodeInfo info)
    {
        for (int i = 0; i < info.OpCount; i++)
        {
            OpCodeOperandKind kind = info.GetOpKind(i);
            string name = kind.ToString();
            if (name.Contains("mem", StringComparison.Ordinal) && !name.Contains("reg_mem", StringComparison.Ordinal))
            {
                instruction.SetOpKind(i, OpKind.Memory);
                instruction.MemoryBase = Register.RBX;
                instruction.MemoryIndex = name.Contains("vsib", StringComparison.Ordinal) ? Register.XMM1 : Register.None;
                return true;
            }

            if (kind is OpCodeOperandKind.seg_rDI or OpCodeOperandKind.seg_rSI or OpCodeOperandKind.es_rDI)
            {
                instruction.SetOpKind(i, kind == OpCodeOperandKind.seg_rSI ? OpKind.MemorySegRSI : kind == OpCodeOperandKind.es_rDI
                    ? OpKind.MemoryESRDI : OpKind.MemorySegRDI);
            }
            else if (name.Contains("reg_mem", StringComparison.Ordinal))
            {
                instruction.SetOpKind(i, OpKind.Register);
                instruction.SetOpRegister(i, Register.RCX);
            }
        }

        return false;
    }
}
