using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>What became of a line.</summary>
public enum DifferenceKind
{
    /// <summary>It stays.</summary>
    Same,

    /// <summary>It is taken out.</summary>
    Removed,

    /// <summary>It is put in.</summary>
    Added,

    /// <summary>Lines that stay are left out here; the line's text is empty.</summary>
    Gap,
}

/// <summary>A line of a difference.</summary>
/// <param name="Kind">What became of it.</param>
/// <param name="Text">The line.</param>
public readonly record struct DifferenceLine(DifferenceKind Kind, string Text);

/// <summary>Compares texts line by line. Stateless.</summary>
internal static class LineDifference
{
    /// <summary>Lines that stay, shown before and after each change.</summary>
    private const int Context = 2;

    /// <summary>Beyond this many comparisons, what differs is taken for replaced as a whole.</summary>
    private const int MostComparisons = 1 << 22;

    /// <summary>The lines of both texts, those that stay far from a change left out.</summary>
    internal static ImmutableArray<DifferenceLine> Find(string before, string after)
    {
        string[] left = before.TrimEnd('\n').Split('\n');
        string[] right = after.TrimEnd('\n').Split('\n');
        int head = 0;
        while (head < left.Length && head < right.Length && left[head] == right[head])
        {
            head++;
        }

        int tail = 0;
        while (tail < left.Length - head && tail < right.Length - head && left[^(tail + 1)] == right[^(tail + 1)])
        {
            tail++;
        }

        List<DifferenceLine> lines = [.. left[..head].Select(Same)];
        Compare(left.AsSpan(head, left.Length - head - tail), right.AsSpan(head, right.Length - head - tail), lines);
        lines.AddRange(left[(left.Length - tail)..].Select(Same));
        return Fold(lines);
    }

    private static DifferenceLine Same(string text) => new(DifferenceKind.Same, text);

    /// <summary>By the longest common subsequence.</summary>
    private static void Compare(ReadOnlySpan<string> left, ReadOnlySpan<string> right, List<DifferenceLine> lines)
    {
        int width = right.Length + 1;
        bool whole = (long)(left.Length + 1) * width > MostComparisons;
        int[] common = whole ? [] : new int[(left.Length + 1) * width];
        for (int i = left.Length - 1; i >= 0 && !whole; i--)
        {
            for (int j = right.Length - 1; j >= 0; j--)
            {
                common[(i * width) + j] = left[i] == right[j]
                    ? common[((i + 1) * width) + j + 1] + 1
                    : Math.Max(common[((i + 1) * width) + j], common[(i * width) + j + 1]);
            }
        }

        int old = 0;
        int @new = 0;
        while (old < left.Length || @new < right.Length)
        {
            if (old < left.Length && @new < right.Length && !whole && left[old] == right[@new])
            {
                lines.Add(Same(left[old++]));
                @new++;
            }
            else if (old < left.Length
                && (whole || @new == right.Length || common[((old + 1) * width) + @new] >= common[(old * width) + @new + 1]))
            {
                lines.Add(new DifferenceLine(DifferenceKind.Removed, left[old++]));
            }
            else
            {
                lines.Add(new DifferenceLine(DifferenceKind.Added, right[@new++]));
            }
        }
    }

    private static ImmutableArray<DifferenceLine> Fold(List<DifferenceLine> lines)
    {
        ImmutableArray<DifferenceLine>.Builder folded = ImmutableArray.CreateBuilder<DifferenceLine>();
        bool[] near = new bool[lines.Count];
        for (int i = 0; i < lines.Count; i++)
        {
            for (int j = Math.Max(0, i - Context); lines[i].Kind != DifferenceKind.Same && j <= Math.Min(lines.Count - 1, i + Context); j++)
            {
                near[j] = true;
            }
        }

        for (int i = 0; i < lines.Count; i++)
        {
            // A gap of one line would take as much room as the line.
            if (near[i] || ((i == 0 || near[i - 1]) && (i == lines.Count - 1 || near[i + 1])))
            {
                folded.Add(lines[i]);
            }
            else if (folded.Count == 0 || folded[^1].Kind != DifferenceKind.Gap)
            {
                folded.Add(new DifferenceLine(DifferenceKind.Gap, ""));
            }
        }

        return folded.All(line => line.Kind is DifferenceKind.Same or DifferenceKind.Gap) ? [] : folded.DrainToImmutable();
    }
}
