using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;

namespace Nacelle.Configuration;

/// <summary>A text that was checked, by lines and columns as its reader counts them. Immutable.</summary>
public sealed partial class SourceText
{
    /// <summary>Characters on either side of a place that anybody is shown of a line.</summary>
    private const int LongestShown = 2048;

    private readonly string _text;
    private readonly ImmutableArray<int> _starts;
    private Encoding _encoding = Encoding.UTF8;
    private bool _hasMark;

    private SourceText(string text, MachineDocumentForm form)
    {
        _text = text;
        Form = form;
        _starts = FindLines(text, form);
    }

    /// <summary>The form, which says what ends a line.</summary>
    public MachineDocumentForm Form { get; }

    /// <summary>How many lines it has.</summary>
    public int LineCount => _starts.Length;

    /// <summary>Whether it has remarks for people, which are in no configuration.</summary>
    public bool HasComments => Form == MachineDocumentForm.DomainXml && _text.Contains("<!--", StringComparison.Ordinal);

    /// <summary>All of it.</summary>
    internal string Text => _text;

    /// <summary>Takes bytes for text. Bytes that are none become U+FFFD.</summary>
    /// <param name="bytes">The text as it was read.</param>
    /// <param name="form">Its form.</param>
    public static SourceText Decode(ReadOnlySpan<byte> bytes, MachineDocumentForm form)
    {
        Encoding encoding = bytes switch
        {
            [0xEF, 0xBB, 0xBF, ..] => Encoding.UTF8,
            [0xFF, 0xFE, 0, 0, ..] => Encoding.UTF32,
            [0xFF, 0xFE, ..] or [(byte)'<', 0, ..] => Encoding.Unicode,
            [0xFE, 0xFF, ..] or [0, (byte)'<', ..] => Encoding.BigEndianUnicode,
            _ => form == MachineDocumentForm.DomainXml ? Declared(bytes) : Encoding.UTF8,
        };
        string text = encoding.GetString(bytes);
        return new SourceText(text.TrimStart('\uFEFF'), form) { _encoding = encoding, _hasMark = text.StartsWith('\uFEFF') };
    }

    /// <summary>Another text as bytes of this one's encoding, with a byte order mark where this one has it.</summary>
    internal byte[] Encode(string text) => _encoding.GetBytes(_hasMark ? "\uFEFF" + text : text);

    /// <summary>Takes words of a command line for text, each a line.</summary>
    public static SourceText OfArguments(IEnumerable<string> arguments) => new(string.Join('\n', arguments), MachineDocumentForm.QemuArguments);

    /// <summary>A line without what ends it.</summary>
    /// <param name="number">Counted from 1.</param>
    /// <returns>Null where there is no such line.</returns>
    public string? Line(int number)
    {
        if (number < 1 || number > LineCount)
        {
            return null;
        }

        return _text[_starts[number - 1]..EndOf(number)].TrimEnd('\n', '\r');
    }

    /// <summary>How many characters belong to what begins at a place: a name, an attribute with its value, a JSON string or number.</summary>
    /// <returns>1 at least.</returns>
    public int TokenLength(SourcePosition position)
    {
        ReadOnlySpan<char> rest = Rest(position);
        foreach (ValueMatch match in (Form == MachineDocumentForm.DomainXml ? XmlToken() : JsonToken()).EnumerateMatches(rest))
        {
            return Math.Max(match.Length, 1);
        }

        return 1;
    }

    /// <summary>
    /// A line, or of one that no screen holds what stands around a place, so that many places on one line take no more time than on many.
    /// </summary>
    /// <param name="position">The place.</param>
    /// <param name="column">The place's column in what is returned, counted from 1.</param>
    /// <returns>Null where there is no such line.</returns>
    public string? LineAt(SourcePosition position, out int column)
    {
        column = position.Column;
        if (position.Line < 1 || position.Line > LineCount)
        {
            return null;
        }

        int start = _starts[position.Line - 1];
        int end = EndOf(position.Line);
        if (end - start <= 2 * LongestShown)
        {
            return _text[start..end].TrimEnd('\n', '\r');
        }

        int place = Math.Clamp(start + position.Column - 1, start, end);
        int first = Math.Max(start, place - LongestShown);
        column = place - first + 1;
        return _text[first..Math.Min(end, place + LongestShown)].TrimEnd('\n', '\r');
    }

    /// <summary>The blanks that a line begins with.</summary>
    internal string IndentOf(int line)
    {
        int start = _starts[line - 1];
        int end = start;
        while (end < _text.Length && end - start < LongestShown && _text[end] is ' ' or '\t')
        {
            end++;
        }

        return _text[start..end];
    }

    private int EndOf(int line) => line == LineCount ? _text.Length : _starts[line];

    /// <summary>What stands from a place to the end of its line, as far as anything is shown.</summary>
    private ReadOnlySpan<char> Rest(SourcePosition position)
    {
        if (position.Line < 1 || position.Line > LineCount || position.Column < 1)
        {
            return [];
        }

        int start = _starts[position.Line - 1] + position.Column - 1;
        int end = EndOf(position.Line);
        return start >= end ? [] : _text.AsSpan(start, Math.Min(end - start, LongestShown)).TrimEnd("\r\n");
    }

    /// <summary>Where in <see cref="Text"/> a place is.</summary>
    internal int OffsetOf(SourcePosition position) =>
        position.Line < 1 || position.Line > LineCount ? -1 : Math.Min(_starts[position.Line - 1] + position.Column - 1, _text.Length);

    /// <summary>The place at an offset of <see cref="Text"/>.</summary>
    internal SourcePosition PositionOf(int offset)
    {
        int found = _starts.BinarySearch(offset);
        int line = found >= 0 ? found : ~found - 1;
        return new SourcePosition(line + 1, offset - _starts[line] + 1);
    }

    private static Encoding Declared(ReadOnlySpan<byte> bytes)
    {
        const int longestDeclaration = 200;
        string head = Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, longestDeclaration)]);
        return XmlEncoding().Match(head) is { Success: true } match
            && match.Groups[1].Value.ToUpperInvariant() is "ISO-8859-1" or "LATIN1" or "WINDOWS-1252"
            ? Encoding.Latin1
            : Encoding.UTF8;
    }

    private static ImmutableArray<int> FindLines(string text, MachineDocumentForm form)
    {
        ImmutableArray<int>.Builder starts = ImmutableArray.CreateBuilder<int>();
        starts.Add(0);
        for (int i = 0; i < text.Length; i++)
        {
            // A lone carriage return ends a line of XML (section 2.11), and none of JSON.
            bool ends = text[i] == '\n'
                || (form == MachineDocumentForm.DomainXml && text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n'));
            if (ends)
            {
                starts.Add(i + 1);
            }
        }

        return starts.DrainToImmutable();
    }

    [GeneratedRegex("""\G(?:[^\s<>/='"]+(?:\s*=\s*(?:"[^"]*"|'[^']*'))?)""", RegexOptions.CultureInvariant)]
    private static partial Regex XmlToken();

    [GeneratedRegex("""\G(?:"(?:[^"\\]|\\.)*"|[^\s,:\[\]{}"]+)""", RegexOptions.CultureInvariant)]
    private static partial Regex JsonToken();

    [GeneratedRegex("""^<\?xml[^>]*\sencoding\s*=\s*["']([^"']+)["']""", RegexOptions.CultureInvariant)]
    private static partial Regex XmlEncoding();
}
