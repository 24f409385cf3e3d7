using System.Diagnostics;

namespace Nacelle.Fuzz;

/// <summary>Feeds a target with seeded random inputs and watches what none of them may do: throw, take long, or leave memory behind.</summary>
public static class RandomRun
{
    private const long MayGrow = 64 << 20;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(60);

    /// <summary>Runs a number of inputs.</summary>
    /// <param name="target">The target.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">Where the numbers begin: case i of a seed is the same in every run.</param>
    /// <param name="report">Takes what was found, and the counts at the end.</param>
    /// <returns>Whether nothing was found.</returns>
    public static bool Run(FuzzTarget target, long count, int seed, TextWriter report)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(report);
        byte[] buffer = new byte[target.Longest];
        int found = 0;
        long before = 0;
        long began = Stopwatch.GetTimestamp();
        for (long i = 0; i < count && found < 20; i++)
        {
            // Memory settles in the first tenth.
            if (i == count / 10)
            {
                before = GC.GetTotalMemory(forceFullCollection: true);
            }

            Random random = new(unchecked((seed * 1_000_003) + (int)i));
            Span<byte> input = buffer.AsSpan(0, random.Next(1, buffer.Length));
            Fill(input, random);
            long start = Stopwatch.GetTimestamp();
            string? fault = null;
            try
            {
                target.Run(input);
            }
            catch (Exception error)
            {
                fault = error.ToString();
            }

            TimeSpan took = Stopwatch.GetElapsedTime(start);
            fault ??= took > s_longest ? $"it took {took.TotalSeconds:0.0} s" : null;
            if (fault is not null)
            {
                found++;
                report.WriteLine($"{target.Name} seed {seed} case {i}: {fault}");
            }
        }

        long grown = GC.GetTotalMemory(forceFullCollection: true) - before;
        if (count >= 100 && grown > MayGrow)
        {
            found++;
            report.WriteLine($"{target.Name} seed {seed}: {grown >> 20} MiB stay behind");
        }

        report.WriteLine(
            $"{target.Name}: {count} cases with seed {seed} in {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s, {found} findings, {grown >> 10} KiB more in use");
        return found == 0;
    }

    /// <summary>Bytes of which many are the values at the edges of ranges.</summary>
    private static void Fill(Span<byte> input, Random random)
    {
        random.NextBytes(input);
        ReadOnlySpan<byte> edges = [0, 1, 2, 4, 0x7F, 0x80, 0xFF, 0xFE];
        int every = random.Next(2, 12);
        for (int i = random.Next(every); i < input.Length; i += every)
        {
            input[i] = edges[random.Next(edges.Length)];
        }
    }
}
