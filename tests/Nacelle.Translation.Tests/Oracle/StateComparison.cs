using System.Text;
using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>
/// Compares what the host and the translator made of a sequence: general registers, RIP, flags, bases of FS and GS, x87 and
/// vector state, memory, and the exception with its error code and address.
/// </summary>
/// <remarks>
/// Not compared, because it is not architecture or because the translator is known to differ:
/// <list type="bullet">
/// <item>Opcode and addresses of the last x87 instruction (FOP, FIP, FDP): under a translator they are those of its own code.</item>
/// <item>At an exception, arithmetic flags that the rest of the block overwrites before anything reads them: the translator
/// does not keep flags that it knows to be dead (<see cref="FlagLiveness"/>).</item>
/// <item>Bit 0 of a page fault's error code at addresses other than the data's: in the upper half Linux sets it always, to hide
/// its own layout; pages of code it enters when they are first used; and elsewhere the native process may have memory.</item>
/// <item>Arithmetic flags that the architecture leaves undefined (<see cref="UndefinedFlags"/>).</item>
/// <item>RIP, RSP and memory after a near CALL, JMP or RET to a non-canonical address: the translator raises the same exception,
/// but after the branch.</item>
/// <item>Which of two faulting operands of CMPS faults.</item>
/// <item>The error code of exceptions that have none, and CR2 after any but a page fault.</item>
/// </list>
/// </remarks>
internal static unsafe class StateComparison
{
    private const ulong ArithmeticFlags = 0x8D5;

    // Arithmetic flags, DF, NT, AC, ID: what a user can see and change, and IF, which he can see.
    private const ulong VisibleFlags = ArithmeticFlags | (1 << 9) | (1 << 10) | (1 << 14) | (1 << 18) | (1 << 21);
    private static readonly string[] s_names =
    [
        "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15",
    ];

    /// <summary>Describes how two states after a run differ.</summary>
    /// <param name="native">The host's.</param>
    /// <param name="translated">The translator's.</param>
    /// <param name="deadFlags">Arithmetic flags that may differ.</param>
    /// <param name="features">Components of extended state that count.</param>
    /// <returns>A line for each difference; empty when there is none.</returns>
    public static string Describe(ProcessorImage* native, ProcessorImage* translated, ulong deadFlags, ulong features)
    {
        if (AreSame(native, translated, deadFlags, features))
        {
            return "";
        }

        StringBuilder text = new();
        Line(text, "ending", (ulong)native->Ending, (ulong)translated->Ending);
        for (int i = 0; i < 16; i++)
        {
            Line(text, s_names[i], native->General[i], translated->General[i]);
        }

        Line(text, "RIP", native->Rip, translated->Rip);
        Line(text, "RFLAGS", Flags(native, deadFlags), Flags(translated, deadFlags));
        Line(text, "FS base", native->FsBase, translated->FsBase);
        Line(text, "GS base", native->GsBase, translated->GsBase);
        Line(text, "vector", native->Vector, translated->Vector);
        Line(text, "error code", ErrorCode(native), ErrorCode(translated));
        Line(text, "CR2", FaultAddress(native), FaultAddress(translated));
        ReadOnlySpan<byte> left = Extended(native);
        ReadOnlySpan<byte> right = Extended(translated);
        for (int i = 0; i < left.Length; i += 8)
        {
            Line(text, NameOf(i), BitConverter.ToUInt64(left[i..]), BitConverter.ToUInt64(right[i..]));
        }

        return text.ToString();
    }

    /// <summary>
    /// CMPS whose operands would both fault: the architecture does not say which of them does. The translator's answer is
    /// taken for the host's.
    /// </summary>
    public static void ForgiveOrder(ProcessorImage* native, ProcessorImage* translated, Instruction? at)
    {
        if (at?.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq && native->Rip == translated->Rip
            && native->Ending == Ending.Fault && translated->Ending == Ending.Fault)
        {
            native->Vector = translated->Vector;
            native->ErrorCode = translated->ErrorCode;
            native->FaultAddress = translated->FaultAddress;
        }
    }

    /// <summary>
    /// Whether a run came to what this oracle is not for: single steps, nested tasks, and alignment checks where they are not
    /// meant. A POPF that is reached by another way than meant turns them on.
    /// </summary>
    public static bool IsOutOfScope(ProcessorImage* native, bool alignmentChecked) =>
        (native->Flags & ((1 << 8) | (1 << 14))) != 0 || (native->Ending == Ending.Fault && native->Vector == 1)
        || (!alignmentChecked && ((native->Flags & (1 << 18)) != 0 || (native->Ending == Ending.Fault && native->Vector == 17)));

    /// <summary>Whether both refused to go to a non-canonical address, the host before the branch and the translator after it.</summary>
    public static bool IsLostBranch(ProcessorImage* native, ProcessorImage* translated, Instruction? at) =>
        at?.FlowControl is FlowControl.Return or FlowControl.IndirectBranch or FlowControl.IndirectCall
        && native->Ending == Ending.Fault && translated->Ending == Ending.Fault && native->Vector == 13 && translated->Vector == 13
        && (long)(translated->Rip << 16) >> 16 != (long)translated->Rip;

    /// <summary>
    /// Whether the host refused an operand of 32-bit code that begins below 4 GiB and ends beyond: at the limit of such a segment
    /// the translator lets it wrap (docs/translator.md). Nor does it refuse what writes through CS in some cases only; and
    /// MASKMOVQ that is refused leaves x87 registers as MMX registers or not.
    /// </summary>
    public static bool IsBeyondLimit(ProcessorImage* native, Instruction? at)
    {
        if (at is not Instruction instruction || native->Ending != Ending.Fault || native->Vector is not (12 or 13))
        {
            return false;
        }

        if (instruction.Mnemonic == Mnemonic.Clzero)
        {
            // Which bytes it asks the segment for is not written down.
            return true;
        }

        const uint mostBytes = 128;
        foreach (UsedMemory used in new InstructionInfoFactory().GetInfo(instruction).GetUsedMemory())
        {
            ulong offset = used.Displacement + ValueOf(native, used.Base) + (ValueOf(native, used.Index) * (ulong)used.Scale)
                + BitStringDistance(native, instruction);
            uint size = used.MemorySize.GetSize() is > 0 and int known ? (uint)known : mostBytes;
            bool mayWriteCode = used.Segment == Register.CS
                && (used.Access is OpAccess.CondWrite or OpAccess.ReadCondWrite || instruction.Mnemonic is Mnemonic.Maskmovq or Mnemonic.Vmaskmovps or Mnemonic.Vmaskmovpd or Mnemonic.Vpmaskmovd or Mnemonic.Vpmaskmovq);
            if (mayWriteCode || (ulong)(uint)offset + size > 1UL << 32)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>How far from its operand BT and its like look for the bit that a register selects.</summary>
    private static ulong BitStringDistance(ProcessorImage* image, in Instruction instruction)
    {
        if (instruction.Mnemonic is not (Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc) || instruction.Op1Kind != OpKind.Register)
        {
            return 0;
        }

        ulong bit = ValueOf(image, instruction.Op1Register);
        return instruction.Op1Register.GetSize() == 2 ? (ulong)((short)bit >> 4 << 1) : (ulong)((int)bit >> 5 << 2);
    }

    private static ulong ValueOf(ProcessorImage* image, Register register) => register switch
    {
        >= Register.AX and <= Register.DI => (ushort)image->General[register - Register.AX],
        >= Register.EAX and <= Register.EDI => (uint)image->General[register - Register.EAX],
        Register.AL => (byte)image->General[0],
        _ => 0,
    };

    /// <summary>Makes an image comparable.</summary>
    public static void Normalise(ProcessorImage* image, ulong features) => ExtendedStates.Normalise(Extended(image), features);

    private static bool AreSame(ProcessorImage* native, ProcessorImage* translated, ulong deadFlags, ulong features)
    {
        Normalise(native, features);
        Normalise(translated, features);
        return native->Ending == translated->Ending
            && new ReadOnlySpan<ulong>(native->General, 16).SequenceEqual(new ReadOnlySpan<ulong>(translated->General, 16))
            && native->Rip == translated->Rip && Flags(native, deadFlags) == Flags(translated, deadFlags)
            && native->FsBase == translated->FsBase && native->GsBase == translated->GsBase
            && native->Vector == translated->Vector && ErrorCode(native) == ErrorCode(translated)
            && FaultAddress(native) == FaultAddress(translated)
            && Extended(native).SequenceEqual(Extended(translated));
    }

    private static Span<byte> Extended(ProcessorImage* image) => new(image->ExtendedState, ProcessorImage.ExtendedStateSize);

    private static ulong Flags(ProcessorImage* image, ulong dead) => image->Flags & VisibleFlags & ~dead;

    private static ulong FaultAddress(ProcessorImage* image) =>
        image->Ending == Ending.Fault && image->Vector == 14 ? image->FaultAddress : 0;

    private static ulong ErrorCode(ProcessorImage* image) => image->Ending != Ending.Fault ? 0 : image->Vector switch
    {
        14 => HidesPresence(image->FaultAddress) ? image->ErrorCode & ~1UL : image->ErrorCode,
        8 or (>= 10 and <= 13) or 17 => image->ErrorCode,
        _ => 0,
    };

    private static bool HidesPresence(ulong address) => address - OracleLayout.DataBase >= OracleLayout.DataSize;

    private static string NameOf(int offset) => offset switch
    {
        < 8 => "x87 control",
        < 32 => "MXCSR",
        < 160 => $"ST{(offset - 32) / 16}",
        < 416 => $"XMM{(offset - 160) / 16}",
        >= 576 and < 832 => $"YMM{(offset - 576) / 16} high half",
        _ when IsIn(5, offset, out int place) => $"K{place / 8}",
        _ when IsIn(6, offset, out int place) => $"ZMM{place / 32} high half",
        _ when IsIn(7, offset, out int place) => $"ZMM{16 + (place / 64)}",
        _ => $"XSAVE area at {offset}",
    };

    private static bool IsIn(int component, int offset, out int place)
    {
        (int start, int size) = ComponentLayout.Of(component);
        place = offset - start;
        return place >= 0 && place < size;
    }

    private static void Line(StringBuilder text, string name, ulong native, ulong translated)
    {
        if (native != translated)
        {
            text.AppendLine($"  {name}: host 0x{native:x}, translator 0x{translated:x}");
        }
    }
}
