using Iced.Intel;
using Nacelle.Translation.Frontend;

namespace Nacelle.Translation.Tests;

public sealed class InstructionLengthTests
{
    /// <summary>What the length of an undefined opcode is taken from holds for every defined one.</summary>
    [Theory]
    [InlineData(16, false)]
    [InlineData(32, false)]
    [InlineData(64, false)]
    [InlineData(64, true)]
    public void Lengths_of_random_instructions_are_those_of_the_decoder(int bitness, bool isAmd)
    {
        Random random = new(13);
        byte[] bytes = new byte[16];
        byte[] leading = [0x66, 0x67, 0x0F, 0xC4, 0xC5, 0x62, 0x8F, 0xF2, 0xF3, 0x48, 0x2E];
        int valid = 0;
        for (int i = 0; i < 400_000; i++)
        {
            random.NextBytes(bytes);
            for (int j = 0; j < 3 && random.Next(2) == 0; j++)
            {
                bytes[j] = leading[random.Next(leading.Length)];
            }

            DecoderOptions options = DecoderOptions.ForceReservedNop | (isAmd ? DecoderOptions.AMD : 0);
            Instruction instruction = Iced.Intel.Decoder.Create(bitness, bytes, options).Decode();
            if (instruction.IsInvalid || instruction.Encoding == EncodingKind.XOP || (isAmd && instruction.Mnemonic == Mnemonic.Ud1))
            {
                continue;
            }

            valid++;
            for (int there = 1; there <= bytes.Length; there++)
            {
                int length = InstructionLength.Of(bytes.AsSpan(0, there), bitness, isAmd);
                bool right = there >= instruction.Length ? length == instruction.Length : length > there;
                Assert.True(right, $"{Convert.ToHexString(bytes)} of {bitness} bits ({instruction}): {length} and not {instruction.Length} with {there} bytes");
            }
        }

        Assert.True(valid > 100_000, $"only {valid} were instructions");
    }
}
