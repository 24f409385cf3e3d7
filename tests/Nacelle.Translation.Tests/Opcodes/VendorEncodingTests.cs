using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Frontend;

namespace Nacelle.Translation.Tests.Opcodes;

/// <summary>Encodings that AMD and Intel read differently follow the vendor in CPUID, whatever the host is.</summary>
public sealed class VendorEncodingTests
{
    /// <summary>AMD volume 3 and SDM volume 2, each instruction's page.</summary>
    [Theory]
    [InlineData("F34190", "xchg r8d,eax", "pause")]
    [InlineData("F34990", "xchg r8,rax", "pause")]
    [InlineData("66F34190", "xchg r8w,ax", "pause")]
    [InlineData("F34890", "pause", "pause")]
    [InlineData("480FB208", "lss ecx,[rax]", "lss rcx,[rax]")]
    [InlineData("480FB408", "lfs ecx,[rax]", "lfs rcx,[rax]")]
    [InlineData("48FF18", "call fword ptr [rax]", "call tbyte ptr [rax]")]
    [InlineData("48FF28", "jmp fword ptr [rax]", "jmp tbyte ptr [rax]")]
    [InlineData("66E90001", "jmp near ptr 0104h", "cut")]
    [InlineData("66E900010000", "jmp near ptr 0104h", "jmp near ptr 00000000001F0106h")]
    [InlineData("66C3", "retw", "ret")]
    [InlineData("66E210", "loop 0013h", "loop 00000000001F0013h")]
    [InlineData("F00F20C0", "mov rax,cr8", "(bad)")]
    [InlineData("F00F22C0", "mov cr8,rax", "(bad)")]
    [InlineData("440F20C0", "mov rax,cr8", "mov rax,cr8")]
    [InlineData("0F0DC8", "(bad)", "nop eax,ecx")]
    [InlineData("0F0D08", "nop [rax],ecx", "nop [rax],ecx")]
    [InlineData("F3E010", "loope 00000000001F0013h", "loopne 00000000001F0013h")]
    [InlineData("F2E110", "loopne 00000000001F0013h", "loope 00000000001F0013h")]
    [InlineData("0FFF", "ud0", "cut")]
    public void Encodings_are_read_as_the_vendor_reads_them(string bytes, string amd, string intel)
    {
        Assert.Equal(amd, Read("AuthenticAMD", bytes));
        Assert.Equal(intel, Read("GenuineIntel", bytes));
    }

    private static string Read(string vendor, string text)
    {
        CpuFeature locked = CpuFeatures.Find("cr8legacy")!;
        CpuidTable host = CpuidModels.ForTranslator(0, 0, 1);
        CpuidTable table = new(host.Entries.Select(entry => entry.Function switch
        {
            0 => entry with { Result = vendor[0] == 'A' ? new CpuidResult(0x16, 0x6874_7541, 0x444D_4163, 0x6974_6E65) : new CpuidResult(0x16, 0x756E_6547, 0x6C65_746E, 0x4965_6E69) },
            0x8000_0001 => entry with { Result = entry.Result with { Ecx = entry.Result.Ecx | (1u << locked.Bit) } },
            _ => entry,
        }));
        byte[] bytes = Convert.FromHexString(text);
        GuestCodeReader reader = new();
        bytes.CopyTo(reader.Page);
        reader.Begin(0, bytes.Length);
        GuestDecoder decoder = new(reader, InstructionSet.Of(table));
        decoder.Begin(0x1F_0000, ExecutionMode.Of(BareMachine.InitialState()));
        decoder.Decode(out Instruction instruction);
        return decoder.IsCut ? "cut" : instruction.ToString();
    }
}
