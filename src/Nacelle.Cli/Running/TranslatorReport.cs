using System.Globalization;
using Nacelle.Translation;

namespace Nacelle.Cli;

/// <summary>What <c>--translator-stats</c> prints when a machine has ended.</summary>
internal static class TranslatorReport
{
    /// <summary>A table of the counters and of what follows from them.</summary>
    /// <param name="counters">Of all vCPUs together.</param>
    /// <param name="time">How long the machine ran.</param>
    internal static string Write(TranslatorCounters counters, TimeSpan time)
    {
        IEnumerable<string[]> rows =
        [
            ["run time", Invariant($"{time.TotalSeconds:#,0.00} s"), "From the start of the vCPUs to the end of the machine."],
            .. TranslatorCounterTable.Counters.Select(row => new[] { row.Name, Invariant($"{row.Read(counters):#,0}"), row.Meaning }),
            .. TranslatorCounterTable.Rates.Select(row => new[] { row.Name, Format(row.Compute(counters, time)), row.Meaning }),
        ];
        return $"translator statistics, all vCPUs together:\n{PlainTable.Write([false, true, false], rows.Select(Indent))}";
    }

    private static string Format(double? rate) => rate switch
    {
        null => "-",
        < 100 => Invariant($"{rate:0.00}"),
        _ => Invariant($"{rate:#,0}"),
    };

    private static string[] Indent(string[] row) => [$"  {row[0]}", .. row.Skip(1)];

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
