using System.Diagnostics;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>A share of a long run.</summary>
/// <param name="Name">For people.</param>
/// <param name="Single">Whether each sequence is a single instruction.</param>
/// <param name="Crossing">Whether each lies across the end of a page.</param>
/// <param name="Bitness">Width of the code.</param>
/// <param name="Disturbed">Whether another thread interrupts the translated runs.</param>
internal sealed record OracleShare(string Name, bool Single, bool Crossing, int Bitness = 64, bool Disturbed = false);

/// <summary>Compares very many sequences on all processors, and says how far it is. One instance a run.</summary>
/// <param name="report">Told of progress, from any thread.</param>
internal sealed class ParallelOracle(Action<string> report)
{
    private const int Portion = 20_000;
    private const int ReportEvery = 100_000;
    private readonly Lock _results = new();
    private readonly List<string> _failures = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _next;
    private long _done;

    /// <summary>How all runs ended.</summary>
    public OracleStatistics Statistics { get; } = new();

    /// <summary>A description of each sequence that differed.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>Runs sequences of consecutive seeds, portion by portion of each share in turn.</summary>
    /// <param name="firstSeed">The first seed.</param>
    /// <param name="count">How many.</param>
    /// <param name="mostFailures">Stop after so many.</param>
    /// <param name="shares">What kinds there are.</param>
    public void Run(ulong firstSeed, long count, int mostFailures, params OracleShare[] shares)
    {
        report($"{count} sequences with seeds from {firstSeed}: {string.Join(", ", shares.Select(share => share.Name))}");
        Thread[] threads = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() => Work(firstSeed, count, mostFailures, shares)))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }
    }

    private void Work(ulong firstSeed, long count, int mostFailures, OracleShare[] shares)
    {
        while (true)
        {
            long place = Interlocked.Add(ref _next, Portion) - Portion;
            int here = (int)Math.Min(Portion, count - place);
            if (here <= 0 || _failures.Count >= mostFailures)
            {
                return;
            }

            OracleShare share = shares[place / Portion % shares.Length];
            using HostOracle oracle = new(bitness: share.Bitness, disturbed: share.Disturbed);
            string? error = null;
            try
            {
                oracle.Run(firstSeed + (ulong)place, here, share.Single, share.Crossing, mostFailures);
            }
            catch (Exception exception)
            {
                error = $"{share.Name}, seeds from {firstSeed + (ulong)place}: {exception}";
            }

            lock (_results)
            {
                Statistics.Add(oracle.Statistics);
                foreach (string failure in oracle.Failures.Select(failure => $"{share.Name}, {failure}").Concat(error is null ? [] : [error]))
                {
                    _failures.Add(failure);
                    report(failure);
                }

                long before = _done;
                _done += here;
                if (before / ReportEvery != _done / ReportEvery || _done == count)
                {
                    double seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds;
                    report($"{_done} of {count} sequences, {_failures.Count} differ, {_done / seconds:f0} a second");
                }
            }
        }
    }
}
