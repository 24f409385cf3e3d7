namespace Nacelle.Translation.Tests.Oracle;

/// <summary>How runs ended on the host; shows that a test tests what it is meant to.</summary>
internal sealed unsafe class OracleStatistics
{
    private readonly int[] _vectors = new int[256];

    /// <summary>Sequences run.</summary>
    public int Sequences { get; private set; }

    /// <summary>Those that ran to their end.</summary>
    public int Finished { get; private set; }

    /// <summary>Those that did not end, and were not compared.</summary>
    public int TimedOut { get; private set; }

    /// <summary>How many ended with an exception.</summary>
    public int Faults(int vector) => _vectors[vector];

    /// <summary>Counts a run.</summary>
    public void Count(ProcessorImage* after)
    {
        Sequences++;
        switch (after->Ending)
        {
            case Ending.Finished:
                Finished++;
                break;
            case Ending.TimedOut:
                TimedOut++;
                break;
            default:
                _vectors[(byte)after->Vector]++;
                break;
        }
    }

    /// <summary>Adds other runs.</summary>
    public void Add(OracleStatistics other)
    {
        Sequences += other.Sequences;
        Finished += other.Finished;
        TimedOut += other.TimedOut;
        for (int i = 0; i < _vectors.Length; i++)
        {
            _vectors[i] += other._vectors[i];
        }
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        IEnumerable<string> faults = Enumerable.Range(0, 256).Where(vector => _vectors[vector] != 0)
            .Select(vector => $"exception {vector}: {_vectors[vector]}");
        return $"{Sequences} sequences, {Finished} to their end, {string.Join(", ", faults)}, {TimedOut} without end";
    }
}
