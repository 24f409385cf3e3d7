using Iced.Intel;
using Nacelle.Translation.Operations;

namespace Nacelle.Translation.Tests;

/// <summary>Which elements of a memory operand a mask selects: what hosts without AVX-512 cannot be asked.</summary>
public sealed class MaskedFormTests
{
    [Theory]
    [InlineData("vmovdqu32 zmm1{k1}{z},[rax]", "62F17EC96F08", 0x8001, 4, 0x8001)]
    [InlineData("vmovdqu8 [rax]{k1},xmm1", "62F17F097F08", 0xF0003, 1, 3)]
    [InlineData("vmovups ymm1{k1},[rax]", "62F17C291008", ~0L, 4, 0xFF)]
    [InlineData("vaddpd zmm1{k1},zmm2,[rax]", "62F1ED495808", 0x81, 8, 0x81)]
    [InlineData("vaddpd zmm1{k1},zmm2,[rax]{1to8}", "62F1ED595808", 0x80, 8, 1)]
    [InlineData("vaddpd zmm1{k1},zmm2,[rax]{1to8} beyond the elements", "62F1ED595808", 0x100, 8, 0)]
    [InlineData("vaddss xmm1{k1},xmm2,[rax]", "62F16E095808", 2, 4, 0)]
    [InlineData("vaddss xmm1{k1},xmm2,[rax] selected", "62F16E095808", 3, 4, 1)]
    [InlineData("vpcmpeqb k2{k1},zmm2,[rax]", "62F16D497410", long.MinValue, 1, long.MinValue)]
    [InlineData("vpmovzxbd zmm1{k1},[rax]", "62F27D493108", 0x8001, 1, 0x8001)]
    [InlineData("vpmovdb [rax]{k1},zmm1", "62F27E493108", 0x10005, 1, 5)]
    [InlineData("vpmovqb [rax]{k1},xmm1", "62F27E093208", 7, 1, 3)]
    [InlineData("vcvtps2pd zmm1{k1},[rax]", "62F17C495A08", 0x101, 4, 1)]
    [InlineData("vcvtpd2ps ymm1{k1},[rax]{1to8}", "62F1FD595A08", 0x80, 8, 1)]
    [InlineData("vpexpandd zmm1{k1},[rax]", "62F27D498908", 0x8421, 4, 0xF)]
    [InlineData("vpcompressb [rax]{k1},zmm1", "62F27D496308", ~0L, 1, ~0L)]
    [InlineData("vpcompressd [rax],zmm1", "62F27D488B08", 0, 4, 0)]
    [InlineData("vbroadcastf32x4 zmm1{k1},[rax]", "62F27D491A08", 0x8001, 4, 9)]
    [InlineData("vpbroadcastb zmm1{k1},[rax]", "62F27D497808", long.MinValue, 1, 1)]
    [InlineData("vfmadd213ps zmm1{k1},zmm2,[rax]", "62F26D49A808", 0x8000, 4, 0x8000)]
    [InlineData("vpermd zmm1{k1},zmm2,[rax]", "62F26D493608", 0, 4, 0xFFFF)]
    [InlineData("vpermd zmm1{k1},zmm2,[rax]{1to16}", "62F26D593608", 0, 4, 1)]
    [InlineData("vpslld zmm1{k1},zmm2,[rax]", "62F16D49F208", 0, 4, 0xF)]
    [InlineData("vpslld zmm1{k1},[rax],1", "62F175497230 01", 2, 4, 2)]
    [InlineData("vextracti32x4 [rax]{k1},zmm1,1", "62F37D4939080 1", 1, 4, 0xF)]
    [InlineData("vpmaskmovq ymm1,ymm2,[rax]", "C4E2ED8C08", 0xA, 8, 0xA)]
    public void Touches_what_the_mask_selects(string name, string code, long mask, int size, long elements)
    {
        Instruction instruction = Decoder.Create(64, Convert.FromHexString(code.Replace(" ", "", StringComparison.Ordinal))).Decode();
        MaskedForm form = MaskedForm.Of(instruction);
        Assert.False(instruction.IsInvalid, name);
        Assert.True(form.IsMasked, name);
        Assert.Equal(size, form.ElementSize);
        Assert.Equal(elements, (long)form.Touched((ulong)mask));
    }

    /// <summary>VEXTRACTI32X4 may fault on all of its operand, and writes what is selected.</summary>
    [Fact]
    public void Writes_no_more_than_the_mask_selects()
    {
        Instruction instruction = Decoder.Create(64, Convert.FromHexString("62F37D49390801")).Decode();
        Assert.Equal(5UL, MaskedForm.Of(instruction).Selected(0xF5));
    }

    [Theory]
    [InlineData("vmovdqu32 zmm1,[rax]", "62F17E486F08")]
    [InlineData("vmovdqu32 zmm1{k1},zmm2", "62F17E496FCA")]
    [InlineData("vpgatherdd zmm1{k1},[rax+zmm2]", "62F27D49900C10")]
    [InlineData("vmovdqu ymm1,[rax]", "C5FE6F08")]
    [InlineData("movups xmm1,[rax]", "0F1008")]
    [InlineData("vexpandps zmm1,[rax]", "62F27D488808")]
    public void Is_not_masked(string name, string code)
    {
        Instruction instruction = Decoder.Create(64, Convert.FromHexString(code)).Decode();
        Assert.False(instruction.IsInvalid, name);
        Assert.False(MaskedForm.Of(instruction).IsMasked, name);
    }
}
