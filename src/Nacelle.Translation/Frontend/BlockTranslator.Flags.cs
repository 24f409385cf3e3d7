namespace Nacelle.Translation.Frontend;

/// <content>Where the guest's flags are while a block runs: in the host's, or set aside.</content>
internal sealed partial class BlockTranslator
{
    /// <summary>Brings the flags to where an instruction wants them.</summary>
    private void PrepareFlags(DecodedBlock decoded, int i)
    {
        if (!decoded.FlagsLive[i])
        {
            _flags.AreSaved = false;
        }
        else if (decoded.UsesFlags(i))
        {
            _flags.Restore();
        }
        else if (LosesFlags(decoded, i))
        {
            _flags.Save();
        }
    }

    /// <summary>Whether the flags that the block is entered with are set aside before anything uses them.</summary>
    private bool SetsFlagsAsideFirst(DecodedBlock decoded)
    {
        for (int i = 0; i < decoded.Count && decoded.FlagsLive[i] && !decoded.UsesFlags(i); i++)
        {
            if (LosesFlags(decoded, i))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether what is emitted for an instruction of the block does not keep the host's flags.</summary>
    private bool LosesFlags(DecodedBlock decoded, int i)
    {
        InstructionKind kind = decoded.Kinds[i];
        if (_groups[i] is { IsLeader: false } && kind is not (InstructionKind.Call or InstructionKind.IndirectCall or InstructionKind.Return))
        {
            // The answer is there already.
            return false;
        }

        return kind == InstructionKind.Generic ? _generic.AccessOf(decoded.Instructions[i]) != 0 : LosesFlags(kind);
    }

    /// <summary>Whether what is emitted for an instruction does not keep the host's flags.</summary>
    private static bool LosesFlags(InstructionKind kind) => kind is InstructionKind.TouchMemory or InstructionKind.Push
        or InstructionKind.Pop or InstructionKind.Leave or InstructionKind.PushMemory or InstructionKind.RepeatedString
        or InstructionKind.Call or InstructionKind.IndirectCall or InstructionKind.IndirectJump or InstructionKind.Return
        or InstructionKind.ChangeAlignmentCheck;
}
