using Iced.Intel;

namespace Nacelle.Translation.Frontend;

/// <summary>Encodings that only 16-bit and 32-bit code has, of instructions that 64-bit code has in another encoding.</summary>
internal static class NarrowEncodings
{
    /// <summary>The encoding that the host, in 64-bit mode, has of the same instruction.</summary>
    public static Code ToWide(Code code) => code switch
    {
        // Opcode 82H is opcode 80H once more (SDM volume 3, 23.15).
        Code.Add_rm8_imm8_82 => Code.Add_rm8_imm8,
        Code.Or_rm8_imm8_82 => Code.Or_rm8_imm8,
        Code.Adc_rm8_imm8_82 => Code.Adc_rm8_imm8,
        Code.Sbb_rm8_imm8_82 => Code.Sbb_rm8_imm8,
        Code.And_rm8_imm8_82 => Code.And_rm8_imm8,
        Code.Sub_rm8_imm8_82 => Code.Sub_rm8_imm8,
        Code.Xor_rm8_imm8_82 => Code.Xor_rm8_imm8,
        Code.Cmp_rm8_imm8_82 => Code.Cmp_rm8_imm8,
        _ => code,
    };
}
