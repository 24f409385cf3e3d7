using Iced.Intel;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Operations;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <summary>
/// An instruction prepared for the careful way: host code that works on the bounce buffer. Kept because the same few
/// instructions of a copy loop meet page ends again and again. Owned by the vCPU's thread.
/// </summary>
internal sealed class CarefulCode
{
    /// <summary>Bytes of code memory for each.</summary>
    public const int Size = 192;

    /// <summary>How many are kept.</summary>
    public const int Count = 128;

    private readonly byte[] _bytes = new byte[15];

    /// <summary>The instruction.</summary>
    public Instruction Instruction { get; private set; }

    /// <summary>How it uses its memory operand, and how many bytes; the size of XSAVE's kind depends on registers.</summary>
    public AccessKind Access { get; private set; }

    /// <summary>Whether it is of XSAVE's kind.</summary>
    public bool IsBulk { get; private set; }

    /// <summary>What a mask leaves of its memory operand, where there is one.</summary>
    public MaskedForm Form { get; private set; }

    /// <summary>Address of the host code.</summary>
    public ulong HostCode { get; private set; }

    private ExecutionMode Mode { get; set; }

    /// <summary>Where the code of an instruction is kept.</summary>
    public static int SlotOf(ulong rip) => (int)(rip ^ (rip >> 7)) & (Count - 1);

    /// <summary>Whether this is the code of what lies at an address now.</summary>
    /// <param name="rip">Guest address.</param>
    /// <param name="mode">The vCPU's mode.</param>
    /// <param name="code">What lies there.</param>
    public bool IsFor(ulong rip, ExecutionMode mode, ReadOnlySpan<byte> code)
    {
        int length = Instruction.Length;
        return HostCode != 0 && Instruction.IP == rip && Mode == mode && code.Length >= length
            && code[..length].SequenceEqual(_bytes.AsSpan(0, length));
    }

    /// <summary>Takes an instruction in.</summary>
    public void Set(in Instruction instruction, ExecutionMode mode, ReadOnlySpan<byte> code, AccessKind access, bool isBulk, ulong hostCode)
    {
        Instruction = instruction;
        Mode = mode;
        code[..Math.Min(code.Length, instruction.Length)].CopyTo(_bytes);
        Access = access;
        Form = MaskedForm.Of(instruction);
        IsBulk = isBulk;
        HostCode = hostCode;
    }
}
