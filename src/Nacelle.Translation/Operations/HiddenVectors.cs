using Iced.Intel;
using Nacelle.Translation.Runtime;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>
/// Vector registers 8 to 31, which 16-bit and 32-bit code does not see: what saves or restores vector state there leaves them,
/// and their places in memory, as they are (SDM volume 1, 10.5.1.2 and 13.4 to 13.8). For the vCPU's own thread.
/// </summary>
internal sealed unsafe class HiddenVectors(TranslatorContext* context)
{
    private const int First = 8;
    private const int Last = 31;
    private readonly VectorImage _vectors = new(context);
    private readonly byte[] _registers = new byte[(Last - First + 1) * VectorImage.RegisterSize];
    private readonly byte[] _memory = new byte[TranslatorContext.BounceSize];

    /// <summary>Whether an instruction saves or restores vector state.</summary>
    public static bool Concerns(in Instruction instruction) => Saves(instruction) || Restores(instruction);

    /// <summary>Before it is carried out on a buffer: notes registers and what is in the buffer.</summary>
    public void Keep(in Instruction instruction, ReadOnlySpan<byte> buffer)
    {
        if (Saves(instruction))
        {
            buffer.CopyTo(_memory);
            return;
        }

        for (int i = First; i <= LastRegister; i++)
        {
            _vectors.Read(Register.ZMM0 + i, Place(i));
        }
    }

    /// <summary>After it: takes back what it should not have done.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="requested">Components that it was asked for.</param>
    /// <param name="buffer">What it has worked on.</param>
    public void Restore(in Instruction instruction, ulong requested, Span<byte> buffer)
    {
        if (Saves(instruction))
        {
            bool isFast = IsFastSave(instruction);
            Undo(buffer, 160 + (First * 16), isFast || (requested & 2) != 0 ? 128 : 0);
            for (int component = 2; !isFast && component < 8; component++)
            {
                if ((requested & (1UL << component)) != 0)
                {
                    int start = ExtendedStateArea.OffsetOf(component, instruction, requested);
                    int visible = component switch { 2 => 128, 6 => 256, 7 => 0, _ => ExtendedStateArea.BytesOf(component) };
                    Undo(buffer, start + visible, ExtendedStateArea.BytesOf(component) - visible);
                }
            }

            return;
        }

        Span<byte> now = stackalloc byte[VectorImage.RegisterSize];
        for (int i = First; i <= LastRegister; i++)
        {
            _vectors.Read(Register.ZMM0 + i, now);
            if (!now.SequenceEqual(Place(i)))
            {
                _vectors.Write(Register.ZMM0 + i, Place(i));
            }
        }
    }

    private static int LastRegister => ExtendedStateArea.OffsetOf(7) != 0 ? Last : 15;

    private static bool Saves(in Instruction instruction) => IsFastSave(instruction)
        || instruction.Mnemonic is Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsavec or Mnemonic.Xsavec64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64;

    private static bool IsFastSave(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64;

    private static bool Restores(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Fxrstor or Mnemonic.Fxrstor64 or Mnemonic.Xrstor or Mnemonic.Xrstor64;

    private void Undo(Span<byte> buffer, int start, int length) => _memory.AsSpan(start, length).CopyTo(buffer[start..]);

    private Span<byte> Place(int register) => _registers.AsSpan((register - First) * VectorImage.RegisterSize, VectorImage.RegisterSize);
}
