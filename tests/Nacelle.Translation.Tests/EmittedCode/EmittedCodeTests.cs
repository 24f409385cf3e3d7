using System.Globalization;
using System.Text;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Linux;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Tests.EmittedCode;

/// <summary>
/// Counts the host instructions that guest idioms become, against the reviewed table emitted-code.txt: what makes one dearer
/// shows as a difference there, on any machine and without a clock.
/// </summary>
public sealed unsafe class EmittedCodeTests : IDisposable
{
    private const ulong Rip = 0x40_0000;
    private readonly CodeMemory _code = new(1 << 20);
    private readonly MemoryMapping _contextMapping = MemoryMapping.AnonymousLow(
        (ulong)(sizeof(TranslatorContext) + 4095) & ~4095UL, MemoryProtection.Read | MemoryProtection.Write);

    private readonly CodeEmitter _emit;
    private readonly BlockTranslator _translator;
    private readonly DecodedBlock _decoded = new(InstructionSet.OfHost);

    public EmittedCodeTests()
    {
        TranslatorContext* context = (TranslatorContext*)_contextMapping.Address;
        _emit = new CodeEmitter(_code.Writable, _code.Executable, (int)context);
        Thunks thunks = new(_emit, context, missHandler: 0);
        _translator = new BlockTranslator(_emit, thunks, new LinkTable(), new AccessSites());
    }

    public void Dispose()
    {
        _code.Dispose();
        _contextMapping.Dispose();
    }

    [Fact]
    public void Idioms_become_what_the_table_says()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "EmittedCode", "emitted-code.txt");
        StringBuilder found = new();
        bool same = true;
        foreach (string line in File.ReadLines(path))
        {
            if (line.Length == 0 || line[0] == '#')
            {
                found.AppendLine(line);
                continue;
            }

            string[] columns = line.Split('|', StringSplitOptions.TrimEntries);
            string now = Row(columns[1], columns[2]);
            same &= now == line;
            found.AppendLine(now);
        }

        Assert.True(same, $"emitted-code.txt would have to read:\n{found}");
    }

    private string Row(string where, string bytes)
    {
        byte[] idiom = Convert.FromHexString(bytes);
        StringBuilder text = new();
        NasmFormatter formatter = new();
        formatter.Options.FirstOperandCharIndex = 0;
        StringOutput output = new();
        Iced.Intel.Decoder decoder = Iced.Intel.Decoder.Create(ModeOf(where.Split(' ')[0]).Bitness, idiom, Rip);
        while (decoder.IP < Rip + (ulong)idiom.Length)
        {
            Instruction instruction = decoder.Decode();
            Assert.False(instruction.IsInvalid, $"'{bytes}' is no code");
            formatter.Format(instruction, output);
            text.Append(text.Length == 0 ? "" : "; ").Append(output.ToStringAndReset());
        }

        int count = Count(where, idiom, out bool ended) - (ended ? 0 : Count(where, [], out _));
        return string.Create(CultureInfo.InvariantCulture, $"{count,3} | {where,-11} | {bytes,-44} | {text}");
    }

    private static ExecutionMode ModeOf(string where)
    {
        const ulong alignmentMask = 0x4_0000;
        SegmentRegister flat = new() { Limit = uint.MaxValue, Attributes = 0xC093 };
        SegmentRegister narrow = new() { Limit = 0xFFFF, Attributes = 0x93 };
        CpuRegisters registers = default;
        switch (where)
        {
            case "user":
                return new ExecutionMode(0x85).AtOnePlace;
            case "shared":
                return new ExecutionMode(0x85);
            case "kernel":
                return new ExecutionMode(0x84);
            case "flat32":
                registers.Cr0 = Cr0Bits.ProtectionEnable;
                registers.Cs = flat with { Attributes = 0xC09B };
                registers.Ss = registers.Ds = registers.Es = flat;
                break;
            case "real":
                registers.Cs = registers.Ss = registers.Ds = registers.Es = narrow;
                break;
            default:
                Assert.Equal("align", where);
                registers.Cr0 = Cr0Bits.ProtectionEnable | alignmentMask;
                registers.Efer = EferBits.LongModeActive;
                registers.Rflags = Nacelle.Cpu.RflagsBits.AlignmentCheck;
                registers.Cs = flat with { Attributes = 0xA0FB };
                registers.Ss = flat with { Attributes = 0xC0F3 };
                break;
        }

        return ExecutionMode.Of(registers);
    }

    /// <summary>Host instructions of a block of the idiom and what ends it, unless the idiom does.</summary>
    private int Count(string where, byte[] idiom, out bool ended)
    {
        string[] words = where.Split(' ');
        ExecutionMode mode = ModeOf(words[0]);

        // What follows tells whether the flags are needed: HLT shows them to the monitor, CMP sets all of them first.
        byte[] end = words[1] == "dead" ? [0x39, 0xC0, 0xF4] : [0xF4];
        byte[] code = [.. idiom, .. end];
        _decoded.Code.Page.Clear();
        code.CopyTo(_decoded.Code.Page);
        _decoded.CodeLimit = mode.IsCodeLimited ? (uint)Rip + 0xFFFF : uint.MaxValue;
        _decoded.Decode(Rip, mode, 0, code.Length);
        ended = _decoded.Length == idiom.Length;
        Block block = _translator.Translate(_decoded, 0, Rip, Rip, ulong.MaxValue, mode, grouped: true, changing: null);
        Iced.Intel.Decoder host = Iced.Intel.Decoder.Create(64, new ReadOnlySpan<byte>((byte*)block.HostCode, block.InlineLength).ToArray(), block.HostCode);
        int count = 0;
        while (host.IP < block.HostCode + (ulong)block.InlineLength)
        {
            Assert.False(host.Decode().IsInvalid, $"the code of '{Convert.ToHexString(idiom)}' does not decode");
            count++;
        }

        return count;
    }
}
