using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Nacelle.Bench.Workload;

/// <summary>Regular expressions over a log, interpreted and compiled at run time.</summary>
internal static class Patterns
{
    private static readonly string[] s_patterns =
    [
        @"\b(?<year>20\d\d)-(?<month>\d\d)-(?<day>\d\d)\b",
        @"(?i)\b(error|warning|fatal):\s+\w+",
        @"(?<user>[a-z0-9._]+)@(?<host>[a-z0-9-]+(\.[a-z]{2,3})+)",
        @"\b(\w+)\s+\1\b",
        @"0x[0-9a-f]+(?=\))",
    ];

    internal static ulong Run(double scale)
    {
        string text = Text((int)(6000 * scale));
        ulong sum = Checksum.Start;
        foreach (RegexOptions options in (RegexOptions[])[RegexOptions.None, RegexOptions.Compiled])
        {
            foreach (string pattern in s_patterns)
            {
                foreach (Match match in new Regex(pattern, options | RegexOptions.CultureInvariant).Matches(text))
                {
                    sum = Checksum.Add(Checksum.Add(sum, match.Value), (ulong)match.Index);
                }
            }
        }

        return sum;
    }

    private static string Text(int lines)
    {
        Numbers numbers = new();
        string[] words = ["error:", "warning:", "disk", "disk", "full", "retry", "fatal:", "link", "up", "up", "down", "queue"];
        StringBuilder text = new();
        for (int i = 0; i < lines; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"20{numbers.Next(30):00}-{numbers.Next(12) + 1:00}-{numbers.Next(28) + 1:00} ");
            for (int word = 0; word < 8; word++)
            {
                text.Append(words[numbers.Next(words.Length)]).Append(' ');
            }

            text.Append(CultureInfo.InvariantCulture, $"u{numbers.Next(100)}@h{numbers.Next(50)}.example.org (0x{numbers.Next(1 << 24):x})\n");
        }

        return text.ToString();
    }
}
