namespace Nacelle.Translation.Tests.Oracle;

/// <summary>A native process and a translated machine over the same code, until the place for code is used up. For one thread.</summary>
internal sealed unsafe class OracleSession : IDisposable
{
    private const int Room = 0x2000 + 2048;
    private readonly TranslatedProcessor _translated;
    private readonly NativeProcessor _native;
    private readonly bool _alignmentChecked;
    private readonly int _bitness;
    private ulong _next = OracleLayout.CodeBase;
    private ulong _nextEdge = OracleLayout.EdgeBase + 0x1000;

    /// <param name="oneInstruction">Whether each translated instruction is a block of its own.</param>
    /// <param name="bitness">Width of the sequences' code: 64, or 32 for compatibility mode.</param>
    /// <param name="evictEvery">Returns from translated code until some of it is given up, on average; 0 for never.</param>
    /// <param name="disturbed">Whether another thread interrupts the translated runs.</param>
    /// <param name="alignmentChecked">Whether sequences begin with RFLAGS.AC.</param>
    public OracleSession(bool oneInstruction, int bitness = 64, int evictEvery = 0, bool disturbed = false, bool alignmentChecked = false)
    {
        _alignmentChecked = alignmentChecked;
        _bitness = bitness;
        DataContents contents = new(seed: 1);
        _translated = new TranslatedProcessor(contents, oneInstruction, bitness, evictEvery);
        if (disturbed)
        {
            _translated.Disturb();
        }

        _native = new NativeProcessor(_translated.Ram, contents, TranslatedProcessor.Features, bitness);
    }

    /// <summary>Whether the native process has ended.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Whether so many more sequences fit.</summary>
    public bool HasRoomFor(int count) =>
        _next + (ulong)(count * Room) < OracleLayout.CodeBase + OracleLayout.CodeSize
        && _nextEdge + (ulong)(count * 0x2000) < OracleLayout.EdgeBase + OracleLayout.EdgeSize;

    /// <summary>Runs sequences on both and compares.</summary>
    /// <param name="sequences">At most <see cref="NativeProgram.MostEntries"/>.</param>
    /// <param name="report">Told of each that differs.</param>
    /// <param name="statistics">How the runs ended.</param>
    public void Run(IReadOnlyList<TestSequence> sequences, Action<TestSequence, string> report, OracleStatistics statistics)
    {
        List<PlacedSequence> placed = [];
        foreach (TestSequence sequence in sequences)
        {
            if (TryPlace(sequence, out PlacedSequence? place) && !place.LoadsStoredAddresses)
            {
                *_native.Before(placed.Count) = sequence.Before;
                _native.Before(placed.Count)->Rip = place.Address;
                placed.Add(place);
            }
        }

        int ended = _native.Run(placed.Count);
        if (ended >= 0)
        {
            IsBroken = true;
            report(placed[ended].Sequence, "  the native process ended with it\n");
            return;
        }

        for (int i = 0; i < placed.Count; i++)
        {
            ProcessorImage* native = _native.After(i);
            statistics.Count(native);
            if (native->Ending != Ending.TimedOut && !StateComparison.IsOutOfScope(native, _alignmentChecked)
                && Compare(placed[i], i, native) is { Length: > 0 } difference)
            {
                report(placed[i].Sequence, difference);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _native.Dispose();
        _translated.Dispose();
    }

    private string Compare(PlacedSequence place, int index, ProcessorImage* native)
    {
        // Blocks are linked by the first run; the second goes over the links. A comparison changes what it is given.
        ProcessorImage expected = *native;
        string difference = CompareOneRun(place, index, &expected);
        if (difference.Length != 0)
        {
            return difference;
        }

        expected = *native;
        difference = CompareOneRun(place, index, &expected);
        return difference.Length == 0 ? "" : $"  over links:\n{difference}";
    }

    private string CompareOneRun(PlacedSequence place, int index, ProcessorImage* native)
    {
        ProcessorImage translated = default;
        try
        {
            _translated.Run(_native.Before(index), &translated);
            if (translated.Ending == Ending.TimedOut)
            {
                // A busy host may have given it no time; what hangs does so again.
                _translated.Run(_native.Before(index), &translated);
            }
        }
        catch (InvalidOperationException error)
        {
            return $"  {error.Message}\n";
        }

        if (HasLeft(place, native) || (translated.Ending == Ending.TimedOut && place.InstructionAt(translated.Rip) is { IsStringInstruction: true }))
        {
            return "";
        }

        if (StateComparison.IsLostBranch(native, &translated, place.InstructionAt(native->Rip)))
        {
            return "";
        }

        if (place.Sequence.Bitness == 32)
        {
            if (StateComparison.IsBeyondLimit(native, place.InstructionAt(native->Rip)))
            {
                return "";
            }
        }

        ulong free = place.FreeFlagsAt(native->Rip);
        StateComparison.ForgiveOrder(native, &translated, place.InstructionAt(native->Rip));
        string difference = StateComparison.Describe(native, &translated, free, TranslatedProcessor.Features);
        return difference + CompareMemory(_native.MemoryAfter(index));
    }

    /// <summary>Whether a branch led into what is left of other sequences, which may do what has no result to compare.</summary>
    private static bool HasLeft(PlacedSequence place, ProcessorImage* native) => native->Ending == Ending.Fault
        && native->Rip - OracleLayout.CodeBase <= OracleLayout.CodeSize && native->Rip - place.Address > (ulong)place.Code.Length;

    private string CompareMemory(ReadOnlySpan<byte> expected)
    {
        Span<byte> native = stackalloc byte[OracleLayout.SnapshotSize];
        expected.CopyTo(native);
        StateImages.Normalise(native, _bitness);
        Span<byte> translated = stackalloc byte[OracleLayout.SnapshotSize];
        foreach ((int offset, int inSnapshot, int length) in OracleLayout.Writable)
        {
            _translated.Data(offset, length).CopyTo(translated[inSnapshot..]);
        }

        StateImages.Normalise(translated, _bitness);
        string text = "";
        int from = 0;
        for (int lines = 0; lines < 8; lines++)
        {
            int same = native[from..].CommonPrefixLength(translated[from..]);
            from += same;
            if (from == native.Length)
            {
                break;
            }

            text += $"  byte at 0x{OracleLayout.AddressOf(from):x}: host 0x{native[from]:x2}, translator 0x{translated[from]:x2}\n";
            from++;
        }

        return text;
    }

    private bool TryPlace(TestSequence sequence, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out PlacedSequence? place)
    {
        // A chunk of its own, so that placing it does not make the translator drop the one before.
        ulong address = ((_next + 63) & ~63UL) + (sequence.Seed & 63);
        if (sequence.BeforePageEnd >= 0)
        {
            address = (_next & ~0xFFFUL) + 0x2000 - (ulong)sequence.BeforePageEnd;
        }

        if (sequence.IsAtEdge)
        {
            address = _nextEdge - (ulong)sequence.BeforePageEnd;
            _nextEdge += 0x2000;
        }

        place = null;
        if (sequence.Encode(address, out int[] offsets) is not byte[] code)
        {
            return false;
        }

        Assert.True(_translated.Ram.TryWrite(address, code));
        _next = sequence.IsAtEdge ? _next : address + (ulong)code.Length;
        place = new PlacedSequence(sequence, address, code, offsets);
        return !new UndefinedFlags(place.Instructions).IsRead;
    }
}
