using System.Text.RegularExpressions;

namespace Nacelle.Configuration;

/// <summary>From where to where a part of a text goes.</summary>
/// <param name="Start">Offset of its first character.</param>
/// <param name="End">Offset behind its last character.</param>
internal readonly record struct SourceSpan(int Start, int End);

/// <summary>Finds where elements and values of texts end that were read without a problem. Stateless.</summary>
internal static partial class SourceSpans
{
    /// <summary>Finds a part that a snippet is to replace.</summary>
    /// <param name="source">The text.</param>
    /// <param name="position">Where its reader says that the part begins.</param>
    /// <param name="snippet">What is to stand there.</param>
    /// <returns>Null where something else stands there than a part of the snippet's kind.</returns>
    internal static SourceSpan? Find(SourceText source, SourcePosition position, string snippet)
    {
        int offset = source.OffsetOf(position);
        return offset < 0 ? null : source.Form switch
        {
            MachineDocumentForm.DomainXml => FindElement(source.Text, offset, snippet),
            MachineDocumentForm.Json => FindValue(source.Text, offset),
            _ => null,
        };
    }

    /// <summary>An element whose name begins at an offset.</summary>
    private static SourceSpan? FindElement(string text, int name, string snippet)
    {
        if (name < 1 || text[name - 1] != '<' || ElementName().Match(snippet) is not { Success: true } expected
            || ElementName().Match(text, name - 1) is not { Success: true } found || found.Value != expected.Value)
        {
            return null;
        }

        int depth = 0;
        for (Match token = XmlToken().Match(text, name - 1); token.Success; token = token.NextMatch())
        {
            string tag = token.Value;
            if (tag.StartsWith("<!", StringComparison.Ordinal) || tag.StartsWith("<?", StringComparison.Ordinal))
            {
                continue;
            }

            depth += tag.StartsWith("</", StringComparison.Ordinal) ? -1 : tag.EndsWith("/>", StringComparison.Ordinal) ? 0 : 1;
            if (depth == 0)
            {
                return new SourceSpan(name - 1, token.Index + token.Length);
            }
        }

        return null;
    }

    /// <summary>A value, or the value of the member whose name is at an offset.</summary>
    private static SourceSpan? FindValue(string text, int offset)
    {
        if (MemberName().Match(text, offset) is { Success: true } member)
        {
            offset += member.Length;
        }

        int depth = 0;
        for (Match token = JsonToken().Match(text, offset); token.Success; token = token.NextMatch())
        {
            depth += token.Value is "{" or "[" ? 1 : token.Value is "}" or "]" ? -1 : 0;
            if (depth == 0)
            {
                return new SourceSpan(offset, token.Index + token.Length);
            }
        }

        return null;
    }

    [GeneratedRegex("""\G<[^\s<>/]+""", RegexOptions.CultureInvariant)]
    private static partial Regex ElementName();

    // What is between tags is passed over; comments, sections and instructions may hold what looks like tags.
    [GeneratedRegex("""<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?:[^'">]|"[^"]*"|'[^']*')*>""", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex XmlToken();

    [GeneratedRegex("""\G"(?:[^"\\]|\\.)*"\s*:\s*""", RegexOptions.CultureInvariant)]
    private static partial Regex MemberName();

    [GeneratedRegex("""[\[\]{}]|"(?:[^"\\]|\\.)*"|[^\s,:\[\]{}"]+""", RegexOptions.CultureInvariant)]
    private static partial Regex JsonToken();
}
