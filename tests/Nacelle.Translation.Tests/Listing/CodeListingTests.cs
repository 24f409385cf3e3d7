using System.Globalization;
using System.Text.RegularExpressions;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.Listing;

/// <summary>Listings of code that belongs to no guest: complete, in order, and readable.</summary>
public sealed class CodeListingTests
{
    private const ulong Address = 0x40_0000;

    [Fact]
    public void Every_idiom_is_listed_with_names_for_what_it_refers_to()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "EmittedCode", "emitted-code.txt");
        foreach (string line in File.ReadLines(path).Where(line => line.Length != 0 && line[0] != '#'))
        {
            string[] columns = line.Split('|', StringSplitOptions.TrimEntries);
            byte[] code = Convert.FromHexString(columns[2]);
            foreach (ListedBlock block in CodeListing.Translate(code, 64, Address, columns[1].StartsWith("user", StringComparison.Ordinal)))
            {
                ListedHostInstruction[] all =
                    [.. block.Entry, .. block.Instructions.SelectMany(instruction => instruction.Host), .. block.Stubs];
                Assert.All(all, instruction => Assert.True(
                    !instruction.Text.Contains("TranslatorContext", StringComparison.Ordinal),
                    $"'{instruction.Text}' of '{line}' uses a word of the context that ContextNames has no name for"));
                Assert.DoesNotContain(all, instruction => instruction.Text == "(bad)");
                ulong first = Parse(all[0].Address);
                ulong end = first + (ulong)all.Sum(instruction => instruction.Bytes.Length / 2);
                foreach (ListedHostInstruction instruction in all)
                {
                    Match branch = Regex.Match(instruction.Text, "^(?:j[a-z]+|call) (0x[0-9a-f]+)$");
                    Assert.True(
                        !branch.Success || Parse(branch.Groups[1].Value) is ulong target && target >= first && target <= end,
                        $"'{instruction.Text}' of '{line}' leaves the block for a place that HostNames has no name for");
                }
            }
        }
    }

    [Fact]
    public void Host_code_follows_upon_itself_from_the_entry_to_the_last_stub()
    {
        byte[] code = Assemble(c =>
        {
            c.mov(rax, __[rdi + 8]);
            c.nop();
            c.add(__[rsp + 16], r13);
            c.rep.stosb();
            c.call(rax);
            c.ret();
        });
        ListedBlock block = Assert.Single(CodeListing.Translate(code, 64, Address, user: true));
        Assert.Equal(6, block.Instructions.Length);
        Assert.Empty(block.Instructions[1].Host);
        ListedHostInstruction[] all = [.. block.Entry, .. block.Instructions.SelectMany(instruction => instruction.Host), .. block.Stubs];
        ulong at = Parse(all[0].Address);
        foreach (ListedHostInstruction instruction in all)
        {
            Assert.Equal(at, Parse(instruction.Address));
            at += (ulong)instruction.Bytes.Length / 2;
        }

        Assert.Equal(block.HostLength - block.InlineLength, block.Stubs.Sum(instruction => instruction.Bytes.Length / 2));
        Assert.Contains(block.Instructions[0].Host, instruction => instruction.Text == "mov rax, [r14]");
        Assert.Contains(block.Instructions[2].Host, instruction => instruction.Text.Contains("[Guest.R13]", StringComparison.Ordinal));
        Assert.Contains(block.Instructions[3].Host, instruction => instruction.Text.StartsWith("call RepeatedStore8.", StringComparison.Ordinal));
        Assert.Contains(block.Stubs, instruction => instruction.Text.StartsWith("call Find.user.", StringComparison.Ordinal));
        Assert.Null(block.PhysicalAddress);
        Assert.Null(block.VirtualCpu);
    }

    [Theory]
    [InlineData(16, "16-bit supervisor, real mode", "mov ax, 0x3412")]
    [InlineData(32, "32-bit supervisor", "mov eax, 0x56903412")]
    [InlineData(64, "64-bit supervisor", "mov eax, 0x56903412")]
    public void The_width_decides_what_the_bytes_mean(int bitness, string mode, string text)
    {
        ListedBlock block = CodeListing.Translate([0xB8, 0x12, 0x34, 0x90, 0x56, 0xF4], bitness, 0x7C00, user: false).First();
        Assert.Equal(mode, block.Mode);
        Assert.Equal(text, block.Instructions[0].Text);
        Assert.Equal("0x7c00", block.Address);
    }

    [Fact]
    public void Each_turn_of_a_loop_is_shown()
    {
        byte[] code = Assemble(c =>
        {
            Label loop = c.CreateLabel();
            c.Label(ref loop);
            c.add(rax, __[rdi + (rcx * 8)]);
            c.dec(rcx);
            c.jne(loop);
        });
        ListedBlock block = Assert.Single(CodeListing.Translate(code, 64, Address, user: true));
        Assert.True(block.Instructions.Length % 3 == 0, $"{block.Instructions.Length} instructions");
        Assert.All(block.Instructions.Where((_, i) => i % 3 == 0), instruction => Assert.Equal("add rax, [rdi+rcx*8]", instruction.Text));
        Assert.All(block.Instructions.Where((_, i) => i % 3 == 2), instruction => Assert.Equal("jne 0x400000", instruction.Text));
    }

    [Fact]
    public void An_instruction_across_two_pages_is_whole()
    {
        byte[] code = new byte[4096 + 64];
        code.AsSpan().Fill(0x90);

        // mov rax, 0x1122334455667788 from three bytes before the page's end.
        ((ReadOnlySpan<byte>)[0x48, 0xB8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]).CopyTo(code.AsSpan(4093));
        ListedBlock[] blocks = [.. CodeListing.Translate(code, 64, Address, user: false)];
        ListedInstruction crossing = Assert.Single(
            blocks.SelectMany(block => block.Instructions), instruction => instruction.Address == "0x400ffd");
        Assert.Equal("mov rax, 0x1122334455667788", crossing.Text);
        Assert.Equal("48b88877665544332211", crossing.Bytes);
    }

    [Fact]
    public void Any_bytes_are_listed_from_the_first_to_the_last()
    {
        // Half of them begin with a prefix or an escape, which chance alone seldom makes.
        byte[] heads = [0x0F, 0x62, 0x66, 0x67, 0xC4, 0xC5, 0xF0, 0xF2, 0xF3];
        for (int seed = 0; seed < 1000; seed++)
        {
            Random random = new(seed);
            byte[] code = new byte[random.Next(1, 64)];
            random.NextBytes(code);
            code[0] = seed % 2 == 0 ? code[0] : heads[random.Next(heads.Length)];
            int bitness = 16 << random.Next(3);
            ulong address = Address + (ulong)random.Next(4096);
            int position = 0;
            foreach (ListedBlock block in CodeListing.Translate(code, bitness, address, bitness != 16 && random.Next(2) == 0))
            {
                // A loop may be in its block several times.
                foreach (ListedInstruction instruction in block.Instructions.DistinctBy(instruction => instruction.Address))
                {
                    Assert.True(
                        Convert.ToHexStringLower(code, position, instruction.Bytes.Length / 2) == instruction.Bytes,
                        $"seed {seed}: '{instruction.Text}' at {instruction.Address} is not what lies at {position}");
                    position += instruction.Bytes.Length / 2;
                }
            }

            Assert.True(position == code.Length, $"seed {seed}: {position} of {code.Length} bytes are listed");
        }
    }

    [Fact]
    public void Arguments_that_contradict_each_other_are_refused()
    {
        Assert.Throws<ArgumentException>(() => CodeListing.Translate([0x90], 8, 0, user: false));
        Assert.Throws<ArgumentException>(() => CodeListing.Translate([0x90], 16, 0, user: true));
        Assert.Throws<ArgumentException>(() => CodeListing.Translate([0x90, 0x90], 32, uint.MaxValue, user: false));
    }

    private static byte[] Assemble(Action<Assembler> program)
    {
        Assembler assembler = new(64);
        program(assembler);
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), Address);
        return stream.ToArray();
    }

    private static ulong Parse(string address) => ulong.Parse(address.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
