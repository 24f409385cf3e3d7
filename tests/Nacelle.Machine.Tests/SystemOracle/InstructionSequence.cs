using Iced.Intel;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Lets an attempt of several instructions stand in a line.</summary>
internal static class InstructionSequence
{
    /// <summary>Assembles one after the other.</summary>
    internal static void Sequence(Assembler _, params Action[] instructions)
    {
        foreach (Action instruction in instructions)
        {
            instruction();
        }
    }
}
