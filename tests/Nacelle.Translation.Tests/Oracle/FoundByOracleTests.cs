using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>What random sequences have brought to light, each from many states: instructions as their bytes.</summary>
public sealed class FoundByOracleTests
{
    [Theory]
    [InlineData("mulx r15,r13,r15", "C44293F6FF")]
    [InlineData("mulx r14d,r13d,r13d", "C44213F6F5")]
    [InlineData("mulx r15d,r15d,r10d", "C44203F6FA")]
    [InlineData("movsx esp,bh", "0FBEE7")]
    [InlineData("movzx sp,ah", "660FB6E4")]
    [InlineData("bt [20001800h],r9", "4C0FA30C2500180020")]
    [InlineData("lock bts [20001800h],r9", "F04C0FAB0C2500180020")]
    [InlineData("btr [20001FFEh],r13d", "440FB32C25FE1F0020")]
    [InlineData("btc [r14d+800h],cx", "6766410FBB8E00080000")]
    [InlineData("a fault in the second page", "C5FDEF0425F04F0020")]
    [InlineData("a misaligned operand across pages", "660FFE0425F81F0020")]
    [InlineData("a misaligned operand that is not there", "660FFE042508500020")]
    [InlineData("cmpxchg16b on a misaligned operand that is not there", "480FC70C2508500020")]
    [InlineData("pop at a non-canonical address", "48BC0000000000000080 58")]
    [InlineData("mov eax,[rsp+rcx*8] at a non-canonical address", "48B90000000000000008 8B04CC")]
    [InlineData("clflush [20005000h]", "0FAE3C2500500020")]
    [InlineData("vgatherdps ymm1,[xmm2*4+20001000h],ymm3 by 32-bit addresses", "67C4E265920C9500100020")]
    [InlineData("vpgatherqq xmm1,[rbx+xmm2],xmm3", "C4E2E1910C13")]
    [InlineData("vmaskmovps [20004FF0h],ymm2,ymm1", "C4E26D2E0C25F04F0020")]
    [InlineData("vpmaskmovq ymm1,ymm2,[20004FF8h]", "C4E2ED8C0C25F84F0020")]
    [InlineData("vpmaskmovd [r15d],ymm11,ymm0 at the end of 4 GiB", "41BFF9FFFFFF 67C4C2258E07")]
    [InlineData("vpmaskmovd ymm0,ymm11,[r15d] at the end of 4 GiB", "41BFF9FFFFFF 67C4C2258C07")]
    [InlineData("maskmovdqu xmm1,xmm2 at the end of 4 GiB", "BFF9FFFFFF 67660FF7CA")]
    [InlineData("maskmovdqu xmm1,xmm2", "660FF7CA")]
    [InlineData("maskmovq mm1,mm2", "0FF7CA")]
    [InlineData("clzero", "0F01FC")]
    [InlineData("clzero eax at fs", "64670F01FC")]
    [InlineData("fnop", "D9D0")]
    [InlineData("wait", "9B")]
    [InlineData("fst dword ptr [20002FFDh]", "D91425FD2F0020")]
    [InlineData("fcom qword ptr [20005000h]", "DC142500500020")]
    [InlineData("movq mm1,[20005000h]", "0F6F0C2500500020")]
    [InlineData("xlat byte ptr [ebx]", "67D7")]
    [InlineData("ltr word ptr [20005000h]", "0F001C2500500020")]
    [InlineData("lmsw word ptr [20005000h]", "0F01342500500020")]
    [InlineData("xsave on a misaligned operand", "B807000000 31D2 0FAE242508100120")]
    [InlineData("enter 0, 0 below the data", "48C7C408000020 C8000000")]
    [InlineData("enter whose frame ends below the data", "48C7C440000020 C8400003")]
    [InlineData("enter whose frame ends in a page that may only be read", "48C7C400510020 C8000100")]
    [InlineData("an instruction of 15 bytes", "666666666666666666666666666690")]
    [InlineData("an instruction of 16 bytes", "66666666666666666666666666666690")]
    [InlineData("an undefined instruction of 16 bytes", "66666666666666666666666666660F0B")]
    [InlineData("an instruction with 20 prefixes", "2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E2E90")]
    public void Does_what_the_host_does(string name, string code) => Compare(name, code, bitness: 64);

    [Theory]
    [InlineData("maskmovdqu fs:[di],xmm1,xmm2 at the end of 64 KiB", "BFFFFF0000 6467660FF7CA")]
    [InlineData("vmaskmovdqu fs:[di],xmm1,xmm2 at the end of 64 KiB", "BFF8FF0000 6467C5F9F7CA")]
    [InlineData("maskmovq fs:[di],mm1,mm2 at the end of 64 KiB", "BFFCFF0000 64670FF7CA")]
    [InlineData("vpmaskmovd [eax],ymm1,ymm0 at the end of 4 GiB", "B8F8FFFFFF C4E2758E00")]
    [InlineData("pop dword ptr cs:[20001000h] from a stack that is not there", "BC00000040 2E8F0500100020")]
    [InlineData("pop word ptr cs:[20001000h]", "2E668F0500100020")]
    [InlineData("vzeroupper", "C5F877")]
    [InlineData("vzeroall", "C5FC77")]
    [InlineData("fxsave [20010800h]", "0FAE0500080120")]
    [InlineData("fxrstor [20010800h]", "0FAE0D00080120")]
    [InlineData("xsave [20011000h]", "B807000000 31D2 0FAE2500100120")]
    [InlineData("xrstor [20011000h]", "B807000000 31D2 0FAE2D00100120")]
    [InlineData("xsave and xrstor of all there is", "B8E7000000 31D2 0FAE2500100120 B807000000 0FAE2D00100120 B8E7000000 0FAE2D00100120")]
    [InlineData("xrstor of what another instruction has stored", "B8FFFFFFFF 31D2 0FAE2500100120 6690 0FAE2D00100120")]
    public void Does_in_32_bit_code_what_the_host_does(string name, string code) => Compare(name, code, bitness: 32);

    private static void Compare(string name, string code, int bitness)
    {
        const int states = 256;
        List<TestSequence> sequences = [];
        for (ulong seed = 0; seed < states; seed++)
        {
            SequenceItem[] items = [.. code.Split(' ').Select(bytes => ItemOf(bytes, bitness))];
            sequences.Add(new TestSequence(seed, items, InitialStates.Make(new SequenceRandom(seed))));
        }

        List<string> differences = [];
        using OracleSession session = new(oneInstruction: false, bitness);
        foreach (TestSequence[] batch in sequences.Chunk(NativeProgram.MostEntries))
        {
            session.Run(batch, (sequence, difference) => differences.Add($"{name}, state {sequence.Seed}:\n{difference}"), new OracleStatistics());
        }

        Assert.True(differences.Count == 0, string.Join('\n', differences.Take(3)));
    }

    private static SequenceItem ItemOf(string hexadecimal, int bitness)
    {
        byte[] bytes = Convert.FromHexString(hexadecimal);
        Instruction instruction = EncodedInstruction.Decode(bytes, bitness);
        return new SequenceItem(instruction) { Bytes = bytes };
    }
}
