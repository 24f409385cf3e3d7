using System.Text;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Runs many sequences natively and translated, and describes those that differ, made as short as they still differ.</summary>
/// <param name="oneInstruction">Whether each translated instruction is a block of its own.</param>
/// <param name="bitness">Width of the code: 64, or 32 for compatibility mode.</param>
/// <param name="evictEvery">Returns from translated code until some of it is given up, on average; 0 for never.</param>
/// <param name="disturbed">Whether another thread interrupts the translated runs.</param>
/// <param name="alignmentChecked">Whether misaligned accesses raise #AC.</param>
internal sealed class HostOracle(
    bool oneInstruction = false, int bitness = 64, int evictEvery = 0, bool disturbed = false, bool alignmentChecked = false) : IDisposable
{
    private readonly List<string> _failures = [];
    private OracleSession? _session;

    /// <summary>How the runs ended.</summary>
    public OracleStatistics Statistics { get; } = new();

    /// <summary>A description of each sequence that differed.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>Runs sequences of consecutive seeds.</summary>
    /// <param name="firstSeed">The first seed.</param>
    /// <param name="count">How many.</param>
    /// <param name="single">Whether each is a single instruction.</param>
    /// <param name="crossing">Whether each lies across the end of a page.</param>
    /// <param name="mostFailures">Stop after so many.</param>
    public void Run(ulong firstSeed, int count, bool single, bool crossing, int mostFailures)
    {
        List<TestSequence> batch = [];
        for (int i = 0; i < count && _failures.Count < mostFailures; i++)
        {
            batch.Add(SequenceGenerator.Make(firstSeed + (ulong)i, single, crossing, bitness, alignmentChecked));
            if (batch.Count == NativeProgram.MostEntries || i == count - 1)
            {
                RunBatch(batch, mostFailures);
                batch.Clear();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _session?.Dispose();

    private void RunBatch(List<TestSequence> batch, int mostFailures)
    {
        List<(TestSequence Sequence, string Difference)> different = [];
        Session(batch.Count).Run(batch, (sequence, difference) => different.Add((sequence, difference)), Statistics);
        foreach ((TestSequence sequence, string first) in different)
        {
            if (_failures.Count < mostFailures)
            {
                _failures.Add(Explain(sequence, first));
            }
        }
    }

    /// <summary>Leaves instructions out one by one as long as a difference remains.</summary>
    private string Explain(TestSequence sequence, string first)
    {
        TestSequence smallest = sequence;
        string? difference = Difference(smallest);
        if (difference is null)
        {
            return "differed once, and not again by itself; " + Describe(sequence, first);
        }

        bool shorter = true;
        while (shorter)
        {
            shorter = false;
            for (int i = smallest.Items.Count - 1; i >= 0 && smallest.Items.Count > 1; i--)
            {
                TestSequence candidate = smallest.Without(i);
                if (Difference(candidate) is string still)
                {
                    (smallest, difference, shorter) = (candidate, still, true);
                }
            }
        }

        return Describe(smallest, difference);
    }

    private string? Difference(TestSequence sequence)
    {
        string? difference = null;
        OracleSession session = Session(1);
        session.Run([sequence], (_, text) => difference = text, new OracleStatistics());
        if (session.IsBroken)
        {
            _session = null;
            session.Dispose();
        }

        return difference;
    }

    private OracleSession Session(int count)
    {
        if (_session is null || _session.IsBroken || !_session.HasRoomFor(count))
        {
            _session?.Dispose();
            _session = new OracleSession(oneInstruction, bitness, evictEvery, disturbed, alignmentChecked);
        }

        return _session;
    }

    private static unsafe string Describe(TestSequence sequence, string difference)
    {
        StringBuilder text = new();
        text.AppendLine($"seed {sequence.Seed}:");
        ulong address = OracleLayout.CodeBase + 0x1000 - (ulong)Math.Max(0, sequence.BeforePageEnd);
        byte[] code = sequence.Encode(address, out int[] offsets)!;
        text.Append(new PlacedSequence(sequence, address, code, offsets));
        ProcessorImage before = sequence.Before;
        for (int i = 0; i < 16; i++)
        {
            text.Append($"  r{i}=0x{before.General[i]:x}");
        }

        text.AppendLine($"  flags=0x{before.Flags:x} fs=0x{before.FsBase:x} gs=0x{before.GsBase:x}");
        text.Append(difference);
        return text.ToString();
    }
}
