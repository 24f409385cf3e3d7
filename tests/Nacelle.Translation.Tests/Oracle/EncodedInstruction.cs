using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Encodes and decodes single instructions at a place in the middle of the code.</summary>
internal static class EncodedInstruction
{
    private const ulong Somewhere = OracleLayout.CodeBase + (OracleLayout.CodeSize / 2);

    /// <summary>Encodes an instruction, and makes sure that it decodes to one that may be in a sequence.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="prefixes">Bytes to put before it.</param>
    /// <param name="bytes">The encoding.</param>
    /// <param name="bitness">Width of the code.</param>
    public static bool TryMake(Instruction instruction, ReadOnlySpan<byte> prefixes, out byte[] bytes, int bitness = 64)
    {
        bytes = [];
        if (instruction.Op0Kind == OpKind.NearBranch64)
        {
            instruction.NearBranch64 = Somewhere;
        }

        if (instruction.Op0Kind == OpKind.NearBranch32)
        {
            instruction.NearBranch32 = (uint)Somewhere;
        }

        Buffer buffer = new();
        foreach (byte prefix in prefixes)
        {
            buffer.WriteByte(prefix);
        }

        if (!Encoder.Create(bitness, buffer).TryEncode(instruction, Somewhere + (ulong)prefixes.Length, out _, out _))
        {
            return false;
        }

        bytes = [.. buffer.Bytes];
        Instruction decoded = Decode(bytes, bitness);
        return !decoded.IsInvalid && decoded.Length == bytes.Length && InstructionCatalogue.Of(bitness).IsAllowed(decoded.Code)
            && (prefixes.Length == 0 || decoded.FlowControl == FlowControl.Next);
    }

    /// <summary>Decodes one instruction.</summary>
    public static Instruction Decode(byte[] bytes, int bitness = 64) => Iced.Intel.Decoder.Create(bitness, bytes, Somewhere).Decode();

    private sealed class Buffer : CodeWriter
    {
        public List<byte> Bytes { get; } = [];

        public override void WriteByte(byte value) => Bytes.Add(value);
    }
}
