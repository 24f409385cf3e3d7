using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>What the generator knows of the registers before the next instruction: a value, until something writes to it.</summary>
internal sealed unsafe class RegisterKnowledge
{
    private readonly ulong[] _values = new ulong[16];
    private readonly InstructionInfoFactory _information = new();
    private int _known = 0xFFFF;
    private uint _vectors = uint.MaxValue;

    public RegisterKnowledge(ref readonly ProcessorImage before)
    {
        for (int i = 0; i < 16; i++)
        {
            _values[i] = before.General[i];
        }
    }

    /// <summary>Whether a general register still holds <see cref="Value"/>.</summary>
    public bool IsKnown(int number) => (_known & (1 << number)) != 0;

    /// <summary>Whether a vector register holds what it held at the beginning.</summary>
    public bool IsVectorKnown(int number) => (_vectors & (1u << number)) != 0;

    /// <summary>What a register holds while it is known.</summary>
    public ulong Value(int number) => _values[number];

    /// <summary>A register has been given a value.</summary>
    public void Set(int number, ulong value)
    {
        _values[number] = value;
        _known |= 1 << number;
    }

    /// <summary>An instruction has been added.</summary>
    public void Follow(in Instruction instruction)
    {
        foreach (UsedRegister used in _information.GetInfo(instruction).GetUsedRegisters())
        {
            if (used.Access is OpAccess.Read or OpAccess.CondRead or OpAccess.NoMemAccess)
            {
                continue;
            }

            if (used.Register.IsVectorRegister())
            {
                _vectors &= ~(1u << used.Register.GetNumber());
            }
            else if (Emit.GuestRegisters.NumberOf(used.Register) is int number and >= 0)
            {
                // The stack pointer moves a little and stays good for addressing.
                _known &= number == 4 && instruction.IsStackInstruction ? ~0 : ~(1 << number);
                _values[4] += number == 4 && instruction.IsStackInstruction ? (ulong)instruction.StackPointerIncrement : 0;
            }
        }
    }
}
