using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>The types of text that domain XML is made of.</summary>
internal static class TextTypes
{
    private static readonly string[] s_boards = ["pc-i440fx-", "pc-q35-", "pc-0.", "pc-1.", "rhel", "xenfv-"];

    /// <summary>Longest string.</summary>
    internal const int LongestString = 65536;

    /// <summary>Any text but an empty one.</summary>
    internal static TextType<string> Text { get; } = new StringType("a text", text => text.Length != 0);

    /// <summary>Any text.</summary>
    internal static TextType<string> AnyText { get; } = new StringType("a text", _ => true);

    /// <summary>An absolute path.</summary>
    internal static TextType<string> FilePath { get; } = new StringType("a path", text => text.Length != 0 && !text.Contains('\0', StringComparison.Ordinal));

    /// <summary>A machine's name, which is a file's name to libvirt.</summary>
    internal static TextType<string> MachineName { get; } = new StringType(
        "a name without '/' and control characters", text => text.Length != 0 && text is not ("." or "..") && !text.Any(character => character == '/' || char.IsControl(character)));

    /// <summary>A board of x86 as QEMU and libvirt name them.</summary>
    internal static TextType<string> BoardName { get; } = new StringType(
        "a board such as pc, q35 or pc-q35-7.2",
        text => text is "pc" or "q35" or "isapc" or "microvm" or "xenfv" or "xenpv"
            || (s_boards.Any(prefix => text.Length > prefix.Length && text.StartsWith(prefix, StringComparison.Ordinal))
                && text.All(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '.' or '_')));

    /// <summary>A port or the name of one.</summary>
    internal static TextType<string> Service { get; } = new StringType(
        "a port from 0 to 65535, or its name", text => text.Length != 0 && (!text.All(char.IsAsciiDigit) || (text.Length <= 5 && int.Parse(text, CultureInfo.InvariantCulture) <= 65535)));

    /// <summary>A UUID.</summary>
    internal static TextType<string> Uuid { get; } =
        new StringType("a UUID such as 4dea22b3-1d52-d8f3-2516-782e98ab3fa0", text => Guid.TryParse(text, out _));

    /// <summary>A MAC address.</summary>
    internal static TextType<string> MacAddress { get; } = new StringType(
        "the address of one card: six pairs of hexadecimal digits, the first even, such as 52:54:00:12:34:56",
        text => text.Split(':') is { Length: 6 } parts && parts.All(part => part.Length is 1 or 2 && part.All(char.IsAsciiHexDigit))
            && (Convert.ToInt32(parts[0], 16) & 1) == 0);

    /// <summary>A list of host or guest CPUs or nodes, such as 0-3,^2,8.</summary>
    internal static TextType<string> NumberSet { get; } = new StringType("numbers and ranges, such as 0-3,^2,8", NumberSetText.IsValid);

    /// <summary>yes or no.</summary>
    internal static TextType<bool> YesNo { get; } = new SwitchType("yes", "no");

    /// <summary>on or off.</summary>
    internal static TextType<bool> OnOff { get; } = new SwitchType("on", "off");

    /// <summary>A whole number, decimal.</summary>
    internal static TextType<int> Number(int least = 0, int most = int.MaxValue) => new IntegerType(least, most);

    /// <summary>A whole number of 64 bits with a sign, decimal.</summary>
    internal static TextType<long> Signed { get; } = new SignedType();

    /// <summary>A whole number of 64 bits, decimal.</summary>
    internal static TextType<ulong> Large(ulong least = 0, ulong most = ulong.MaxValue) => new LargeType(least, most, 0);

    /// <summary>A whole number in hexadecimal after 0x, or decimal.</summary>
    /// <param name="digits">How many digits are written.</param>
    /// <param name="most">The greatest.</param>
    internal static TextType<ulong> Hexadecimal(int digits, ulong most) => new LargeType(0, most, digits);

    /// <summary>One of some words.</summary>
    internal static TextType<string> Word(params string[] words) => new WordType(words);

    private sealed class StringType(string expectation, Predicate<string> isValid) : TextType<string>
    {
        public override string Expectation => expectation;

        public override bool TryParse(string text, out string value)
        {
            value = text;
            return IsValid(text);
        }

        public override string Format(string value) => value;

        public override bool IsValid(string value) => value.Length <= LongestString && isValid(value);
    }

    private sealed class WordType(string[] words) : TextType<string>
    {
        private readonly HashSet<string> _words = new(words, StringComparer.Ordinal);

        public override IReadOnlyList<string> Words => words;

        public override string Expectation => $"one of {string.Join(", ", words)}";

        public override bool TryParse(string text, out string value)
        {
            value = text;
            return _words.Contains(text);
        }

        public override string Format(string value) => value;

        public override bool IsValid(string value) => _words.Contains(value);
    }

    private sealed class SwitchType(string on, string off) : TextType<bool>
    {
        public override string Expectation => $"{on} or {off}";

        public override bool TryParse(string text, out bool value)
        {
            value = text == on;
            return value || text == off;
        }

        public override string Format(bool value) => value ? on : off;
    }

    private sealed class IntegerType(int least, int most) : TextType<int>
    {
        public override string Expectation => string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}");

        public override (ulong Least, ulong Most)? Range => least < 0 ? null : ((ulong)least, (ulong)most);

        public override bool TryParse(string text, out int value)
        {
            NumberStyles style = least < 0 ? NumberStyles.AllowLeadingSign : NumberStyles.None;
            return int.TryParse(text.AsSpan().Trim(), style, CultureInfo.InvariantCulture, out value) && IsValid(value);
        }

        public override string Format(int value) => value.ToString(CultureInfo.InvariantCulture);

        public override bool IsValid(int value) => value >= least && value <= most;
    }

    private sealed class SignedType : TextType<long>
    {
        public override string Expectation => "a whole number";

        public override bool TryParse(string text, out long value) =>
            long.TryParse(text.AsSpan().Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

        public override string Format(long value) => value.ToString(CultureInfo.InvariantCulture);
    }

    private sealed class LargeType(ulong least, ulong most, int digits) : TextType<ulong>
    {
        public override string Expectation => digits == 0
            ? string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}")
            : string.Create(CultureInfo.InvariantCulture, $"a number from 0x{least:x} to 0x{most:x}");

        public override (ulong Least, ulong Most)? Range => (least, most);

        public override bool TryParse(string text, out ulong value)
        {
            ReadOnlySpan<char> trimmed = text.AsSpan().Trim();
            if (digits != 0 && trimmed is ['0', >= '0' and <= '9', ..])
            {
                // strtoull(3) with base 0, by which libvirt and QEMU read such numbers: a leading 0 is octal.
                return TryParseOctal(trimmed, out value) && IsValid(value);
            }

            bool hexadecimal = digits != 0 && trimmed.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
            return (hexadecimal
                    ? ulong.TryParse(trimmed[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value)
                    : ulong.TryParse(trimmed, NumberStyles.None, CultureInfo.InvariantCulture, out value))
                && IsValid(value);
        }

        private static bool TryParseOctal(ReadOnlySpan<char> text, out ulong value)
        {
            value = 0;
            foreach (char digit in text)
            {
                if (digit is < '0' or > '7' || value > ulong.MaxValue >> 3)
                {
                    return false;
                }

                value = (value << 3) | (uint)(digit - '0');
            }

            return true;
        }

        public override string Format(ulong value) => digits == 0
            ? value.ToString(CultureInfo.InvariantCulture)
            : "0x" + value.ToString("x", CultureInfo.InvariantCulture).PadLeft(digits, '0');

        public override bool IsValid(ulong value) => value >= least && value <= most;
    }
}
