using System.Collections.Immutable;
using System.Globalization;
using Iced.Intel;
using Nacelle.Translation.Cache;

namespace Nacelle.Translation.Listing;

/// <summary>Turns blocks into text: each guest instruction with the host instructions that it became. For one thread.</summary>
/// <param name="names">What host code refers to.</param>
internal sealed unsafe class BlockLister(HostNames names)
{
    private readonly NasmFormatter _guest = MakeFormatter(null);
    private readonly NasmFormatter _host = MakeFormatter(names);
    private readonly StringOutput _output = new();

    /// <summary>Describes a block whose host code is there to be read.</summary>
    /// <param name="block">The block.</param>
    /// <param name="guestCode">What it was translated from.</param>
    /// <param name="virtualCpu">The vCPU that it belongs to; null where it is of no guest.</param>
    public ListedBlock Describe(Block block, ReadOnlySpan<byte> guestCode, int? virtualCpu)
    {
        // A short loop is in a block several times; each time its instructions have places of their own.
        InstructionPlace[] places = [.. block.Map.TakeWhile(place => place.HostOffset < block.InlineLength)];
        int[] starts = [.. places.Select(place => (int)place.GuestOffset).Distinct().Order()];
        ImmutableArray<ListedInstruction>.Builder instructions = ImmutableArray.CreateBuilder<ListedInstruction>(places.Length);
        for (int i = 0; i < places.Length; i++)
        {
            ReadOnlySpan<byte> code = guestCode[places[i].GuestOffset..];
            int next = Array.BinarySearch(starts, (int)places[i].GuestOffset) + 1;
            int length = (next < starts.Length ? starts[next] : block.Length) - places[i].GuestOffset;
            Instruction instruction = Decode(code[..length], block.Mode.Bitness, block.Rip + places[i].GuestOffset);
            int end = i + 1 < places.Length ? places[i + 1].HostOffset : block.InlineLength;
            instructions.Add(new ListedInstruction(
                Hex(instruction.IP),
                Convert.ToHexStringLower(code[..length]),
                instruction.IsInvalid ? "(bad)" : Format(_guest, instruction),
                Disassemble(block.HostCode + (ulong)places[i].HostOffset, end - places[i].HostOffset)));
        }

        int entry = (int)(block.HostCode - block.LookupCode);
        int first = places.Length == 0 ? 0 : places[0].HostOffset;
        return new ListedBlock
        {
            VirtualCpu = virtualCpu,
            Address = Hex(block.Rip),
            PhysicalAddress = virtualCpu is null ? null : Hex(block.PhysicalAddress),
            Bitness = block.Mode.Bitness,
            Mode = Describe(block),
            GuestLength = block.Length,
            InlineLength = block.InlineLength,
            HostLength = block.HostLength,
            Entry = Disassemble(block.LookupCode, entry + first),
            Instructions = instructions.ToImmutable(),
            Stubs = Disassemble(block.HostCode + (ulong)block.InlineLength, block.HostLength - block.InlineLength),
        };
    }

    private static NasmFormatter MakeFormatter(ISymbolResolver? resolver)
    {
        NasmFormatter formatter = new(resolver);
        formatter.Options.HexPrefix = "0x";
        formatter.Options.HexSuffix = "";
        formatter.Options.UppercaseHex = false;
        formatter.Options.SmallHexNumbersInDecimal = true;
        formatter.Options.ShowBranchSize = false;
        formatter.Options.BranchLeadingZeros = false;
        formatter.Options.RipRelativeAddresses = false;
        formatter.Options.SpaceAfterOperandSeparator = true;
        return formatter;
    }

    private static Instruction Decode(ReadOnlySpan<byte> code, int bitness, ulong address)
    {
        Decoder decoder = Decoder.Create(bitness, code.ToArray(), address);
        return decoder.Decode();
    }

    private static string Hex(ulong value) => string.Create(CultureInfo.InvariantCulture, $"0x{value:x}");

    private static string Describe(Block block)
    {
        ExecutionMode mode = block.Mode;
        List<string> words = [$"{mode.Bitness}-bit {(mode.IsUser ? "user" : "supervisor")}"];
        void Say(bool applies, string text)
        {
            if (applies)
            {
                words.Add(text);
            }
        }

        Say(!mode.IsProtected && !mode.IsLong, "real mode");
        Say(mode.Tlb == 2, "SMAP lifted");
        Say(mode.IsSegmented, "segments with a base");
        Say(mode.IsExtendedStateOff, "x87 off");
        Say(mode.IsVectorOff, "SSE off");
        Say(mode.IsSingleStep, "single step");
        Say(mode.IsRelative, "at any address");
        Say(mode.WithoutGroups == mode, "accesses one by one");
        Say(block.Changing is not null, "code that keeps changing");
        return string.Join(", ", words);
    }

    private string Format(NasmFormatter formatter, in Instruction instruction)
    {
        formatter.Format(instruction, _output);
        return _output.ToStringAndReset();
    }

    private ImmutableArray<ListedHostInstruction> Disassemble(ulong address, int length)
    {
        ReadOnlySpan<byte> code = new((byte*)address, length);
        ImmutableArray<ListedHostInstruction>.Builder instructions = ImmutableArray.CreateBuilder<ListedHostInstruction>();
        Decoder decoder = Decoder.Create(64, code.ToArray(), address);
        while (decoder.IP < address + (ulong)length)
        {
            decoder.Decode(out Instruction instruction);
            int size = Math.Max(instruction.Length, 1);
            instructions.Add(new ListedHostInstruction(
                Hex(instruction.IP),
                Convert.ToHexStringLower(code.Slice((int)(instruction.IP - address), size)),
                instruction.IsInvalid ? "(bad)" : Format(_host, instruction)));
        }

        return instructions.ToImmutable();
    }
}
