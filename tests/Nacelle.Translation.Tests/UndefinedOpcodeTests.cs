using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>Opcodes that the processor that CPUID describes does not have, and hints that it need not know.</summary>
public sealed class UndefinedOpcodeTests
{
    /// <summary>The whole hint space is without effect, whatever later processors put there (SDM volume 2, NOP; AMD volume 3, NOP).</summary>
    [Theory]
    [InlineData(64)]
    [InlineData(32)]
    public void Hints_do_nothing_in_any_form(int bitness)
    {
        using BareMachine machine = new();
        byte[] opcodes = [0x0D, 0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F];
        byte[][] prefixes = bitness == 64
            ? [[], [0x66], [0xF2], [0xF3], [0x48], [0x66, 0x48], [0xF3, 0x48], [0xF3, 0x41], [0xF2, 0x4F]]
            : [[], [0x66], [0xF2], [0xF3], [0x66, 0xF3]];
        List<byte> code = [];
        int count = 0;
        foreach (byte opcode in opcodes)
        {
            foreach (byte[] prefix in prefixes)
            {
                // Every form with a displacement of a byte, which leads to no memory, and every register; not those of a prefetch
                // of registers, which vendors read differently.
                for (int modRm = 0x40; modRm < (opcode == 0x0D ? 0x80 : 0x100); modRm = modRm == 0x7F ? 0xC0 : modRm + 1)
                {
                    code.AddRange([.. prefix, 0x0F, opcode, (byte)modRm]);
                    code.AddRange(modRm < 0xC0 ? (modRm & 7) == 4 ? [0x00, 0x7F] : [0x7F] : []);
                    count++;
                }
            }
        }

        Assert.True(count > 2_000);
        CpuRegisters before = BareMachine.InitialState();
        CpuRegisters after = bitness == 64
            ? machine.Run(c => c.db(code.ToArray()))
            : machine.RunCompatible(c => c.db(code.ToArray()));
        for (GeneralRegister register = GeneralRegister.Rcx; register <= GeneralRegister.R15; register++)
        {
            Assert.Equal(Value(before, register), Value(after, register));
        }
    }

    /// <summary>Instructions of processors that CPUID does not describe: #UD at any privilege level, in any width.</summary>
    [Theory]
    [InlineData("0F78C0", "vmread")]
    [InlineData("0F78DE", "vmread rsi,rbx")]
    [InlineData("0F7918", "vmwrite")]
    [InlineData("0FC730", "vmptrld")]
    [InlineData("0FC738", "vmptrst")]
    [InlineData("660FC730", "vmclear")]
    [InlineData("F30FC730", "vmxon")]
    [InlineData("0F01C2", "vmlaunch")]
    [InlineData("0F01C3", "vmresume")]
    [InlineData("0F01C4", "vmxoff")]
    [InlineData("0F01D4", "vmfunc")]
    [InlineData("660F388010", "invept")]
    [InlineData("660F388110", "invvpid")]
    [InlineData("0F01D8", "vmrun")]
    [InlineData("0F01DB", "vmsave")]
    [InlineData("0F01DC", "stgi")]
    [InlineData("0F01DE", "skinit")]
    [InlineData("0F01DF", "invlpga")]
    [InlineData("0F01CF", "encls")]
    [InlineData("0F01D7", "enclu")]
    [InlineData("0F37", "getsec")]
    [InlineData("660F01CC", "tdcall")]
    [InlineData("0F01C5", "pconfig")]
    [InlineData("0F01D5", "xend")]
    [InlineData("0F01D6", "xtest")]
    [InlineData("C6F800", "xabort")]
    [InlineData("C7F800000000", "xbegin")]
    [InlineData("F30F01E8", "setssbsy")]
    [InlineData("F30FAE30", "clrssbsy")]
    [InlineData("F30FAEE8", "incsspd")]
    [InlineData("0F38F610", "wrss")]
    [InlineData("F30F38D810", "aesencwide128kl")]
    [InlineData("F30F38DC10", "aesenc128kl")]
    [InlineData("0F3FC0", "altinst")]
    [InlineData("0FA7C0", "xstore")]
    [InlineData("F30FA7C8", "xcryptecb")]
    [InlineData("0FA6C0", "montmul")]
    [InlineData("0F0E", "femms")]
    [InlineData("0F0FC19E", "pfadd")]
    [InlineData("0F36", "rdshr")]
    [InlineData("0F39", "dmint")]
    [InlineData("0F0E", "udbg")]
    [InlineData("0FAAE0", "rsm")]
    [InlineData("0F01C8", "monitor")]
    [InlineData("0F01C9", "mwait")]
    [InlineData("0F01FA", "monitorx")]
    [InlineData("0F01FB", "mwaitx")]
    [InlineData("0F01E8", "serialize")]
    [InlineData("0F01FD", "rdpru")]
    [InlineData("F30F01FA", "mcommit")]
    [InlineData("0F01FE", "invlpgb")]
    [InlineData("0F01FF", "tlbsync")]
    [InlineData("F30FAE20", "ptwrite")]
    [InlineData("0F38F900", "movdiri")]
    [InlineData("660F38F800", "movdir64b")]
    [InlineData("F20F38F800", "enqcmd")]
    [InlineData("660FAEF0", "tpause")]
    [InlineData("F30FAEF0", "umonitor")]
    [InlineData("0FC718", "xrstors")]
    [InlineData("0FC728", "xsaves")]
    [InlineData("8FE97812C0", "llwpcb")]
    [InlineData("8FE87885C000", "vpmacssww")]
    [InlineData("C4E379682000", "vfmaddps of four operands")]
    [InlineData("C4E27849C0", "tilerelease")]
    [InlineData("62F47C1888C0", "map 4")]
    [InlineData("0FFFC0", "ud0")]
    [InlineData("0FB9C0", "ud1")]
    [InlineData("0F0B", "ud2")]
    [InlineData("F00F0B", "lock ud2")]
    [InlineData("F090", "lock nop")]
    public void What_is_not_announced_is_undefined(string bytes, string name)
    {
        using BareMachine machine = new();
        machine.Route(6);
        machine.LetUsersIn();
        byte[] code = [.. Convert.FromHexString(bytes), .. new byte[16]];
        foreach (int bitness in (int[])[64, 32])
        {
            foreach (bool isUser in (bool[])[false, true])
            {
                machine.Run(_ => { }, c => { c.mov(eax, 6); c.@out(0xF4, al); });
                CpuRegisters registers = bitness == 64
                    ? machine.Run(c => c.db(code), prepare: box => Begin(box, isUser, 0xA0FB))
                    : machine.RunCompatible(c => c.db(code), prepare: box => Begin(box, isUser, 0xC0FB));
                Assert.True(
                    machine.EndValue == 6 && registers.Rip is > BareMachine.HandlerAddress and < BareMachine.HandlerAddress + 16,
                    $"{name} in {bitness}-bit code at {(isUser ? "level 3" : "level 0")} did not raise #UD");
            }
        }
    }

    private static void Begin(BareMachine.CpuRegistersBox box, bool isUser, ushort attributes)
    {
        ushort supervisor = box.Value.Cs.Attributes;
        if (isUser)
        {
            BareMachine.AsUser(box);
        }

        box.Value.Cs.Attributes = isUser ? attributes : supervisor;
        BareMachine.SetGeneral(box, GeneralRegister.Rax, BareMachine.DataAddress);
    }

    private static unsafe ulong Value(CpuRegisters registers, GeneralRegister register) => registers.General[(int)register];
}
