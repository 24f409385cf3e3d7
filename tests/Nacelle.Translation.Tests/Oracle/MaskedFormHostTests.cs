using System.Numerics;
using Iced.Intel;
using Nacelle.Memory;
using Nacelle.Translation.Operations;
using Nacelle.Translation.Runtime;
using Kind = Iced.Intel.OpCodeOperandKind;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>The host is asked of every masked instruction that it has, which bytes of its memory operand may fault.</summary>
public sealed unsafe class MaskedFormHostTests : IDisposable
{
    private const int Island = OracleLayout.Island;
    private readonly GuestMemory _ram = new(
        [(0, 0x10_0000), (OracleLayout.CodeBase, OracleLayout.CodeSize), (OracleLayout.EdgeBase, OracleLayout.EdgeSize)]);

    private readonly SequenceRandom _random = new(7);
    private ulong _next = OracleLayout.CodeBase;

    /// <inheritdoc/>
    public void Dispose() => _ram.Dispose();

    [Fact]
    public void Faults_as_the_host_does()
    {
        Assert.SkipUnless(InstructionCatalogue.Wide64.Wide.Count != 0, "the host has no AVX-512");
        using NativeProcessor native = new(_ram, new DataContents(seed: 1), HostProcessor.ExtendedStateMask, 64);
        List<Case> cases = [];
        foreach (Code code in InstructionCatalogue.Wide64.Wide)
        {
            OpCodeInfo information = code.ToOpCode();
            foreach (bool broadcast in information.CanBroadcast ? (bool[])[false, true] : [false])
            {
                if (information.CanUseOpMaskRegister && TryBuild(code, broadcast, out Instruction instruction))
                {
                    AddCases(cases, instruction);
                }
            }
        }

        List<string> differences = [];
        int faults = 0;
        foreach (Case[] batch in cases.Chunk(NativeProgram.MostEntries))
        {
            for (int i = 0; i < batch.Length; i++)
            {
                *native.Before(i) = Place(batch[i]);
            }

            Assert.Equal(-1, native.Run(batch.Length));
            for (int i = 0; i < batch.Length; i++)
            {
                ProcessorImage* after = native.After(i);
                bool refused = after->Ending == Ending.Fault;
                faults += refused ? 1 : 0;
                if (refused != batch[i].Faults)
                {
                    differences.Add($"{batch[i].Instruction} mask 0x{batch[i].Mask:x} at 0x{batch[i].Address:x}: host {after->Ending} {after->Vector}");
                }
            }
        }

        Assert.True(cases.Count > 10_000 && faults > cases.Count / 10 && faults < cases.Count * 9 / 10, $"{faults} of {cases.Count} faulted");
        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(20).Prepend($"{differences.Count} of {cases.Count} differ")));
    }

    /// <summary>An operand in RBX, registers for the rest, and a mask in K1.</summary>
    private static bool TryBuild(Code code, bool broadcast, out Instruction instruction)
    {
        OpCodeInfo information = code.ToOpCode();
        instruction = default;
        instruction.Code = code;
        bool hasMemory = false;
        for (int i = 0; i < information.OpCount; i++)
        {
            Kind kind = information.GetOpKind(i);
            Register register = kind switch
            {
                Kind.xmm_reg or Kind.xmm_vvvv => Register.XMM1 + i,
                Kind.ymm_reg or Kind.ymm_vvvv => Register.YMM1 + i,
                Kind.zmm_reg or Kind.zmm_vvvv => Register.ZMM1 + i,
                Kind.k_reg => Register.K2,
                _ => Register.None,
            };
            if (register != Register.None)
            {
                instruction.SetOpKind(i, OpKind.Register);
                instruction.SetOpRegister(i, register);
            }
            else if (kind is Kind.mem or Kind.xmm_or_mem or Kind.ymm_or_mem or Kind.zmm_or_mem)
            {
                hasMemory = true;
                instruction.SetOpKind(i, OpKind.Memory);
                instruction.MemoryBase = Register.RBX;
                instruction.MemoryIndexScale = 1;
                instruction.IsBroadcast = broadcast;
            }
            else if (kind == Kind.imm8)
            {
                instruction.SetOpKind(i, OpKind.Immediate8);
                instruction.SetImmediate(i, 1u);
            }
            else
            {
                return false;
            }
        }

        instruction.OpMask = Register.K1;
        return hasMemory;
    }

    /// <summary>The end of a mapped page, or its beginning, somewhere in the operand.</summary>
    private void AddCases(List<Case> cases, in Instruction instruction)
    {
        const int each = 10;
        MaskedForm form = MaskedForm.Of(instruction);
        int size = instruction.MemorySize.GetSize();
        bool aligned = instruction.Mnemonic is Mnemonic.Vmovaps or Mnemonic.Vmovapd or Mnemonic.Vmovdqa32 or Mnemonic.Vmovdqa64;
        for (int i = 0; i < each; i++)
        {
            // Few bits, or many.
            ulong mask = i == 0 ? 0 : _random.Next() & (_random.Percent(50) ? _random.Next() & _random.Next() : ulong.MaxValue);
            bool end = _random.Percent(50);
            int inside = aligned ? 0 : _random.Below(size);
            bool faults = false;
            for (ulong left = form.Touched(mask); left != 0; left &= left - 1)
            {
                int first = BitOperations.TrailingZeroCount(left) * form.ElementSize;
                faults |= end ? first + form.ElementSize > inside : first < size - inside;
            }

            ulong edge = OracleLayout.DataBase + Island + (end ? 0x1000UL : 0);
            cases.Add(new Case(instruction, mask, end ? edge - (ulong)inside : edge - (ulong)(size - inside), faults));
        }
    }

    private ProcessorImage Place(in Case one)
    {
        const int room = 64;
        _next = _next + room > OracleLayout.CodeBase + OracleLayout.CodeSize ? OracleLayout.CodeBase : _next;
        Assert.True(EncodedInstruction.TryMake(one.Instruction, [], out byte[] code), one.Instruction.ToString());
        int displacement = (int)(OracleLayout.Gateway - (_next + (ulong)code.Length + 5));
        _ram.TryWrite(_next, [.. code, 0xE9, .. BitConverter.GetBytes(displacement)]);
        ProcessorImage image = default;
        image.Rip = _next;
        image.Flags = 0x202;
        image.General[3] = one.Address;
        image.General[4] = OracleLayout.DataBase + 0x1800;
        *(ushort*)image.ExtendedState = 0x37F;
        *(uint*)(image.ExtendedState + 24) = 0x1F80;
        *(ulong*)(image.ExtendedState + 512) = HostProcessor.ExtendedStateMask;
        *(ulong*)(image.ExtendedState + ExtendedStateArea.OffsetOf(5) + sizeof(ulong)) = one.Mask;
        _next += room;
        return image;
    }

    private readonly record struct Case(Instruction Instruction, ulong Mask, ulong Address, bool Faults);
}
