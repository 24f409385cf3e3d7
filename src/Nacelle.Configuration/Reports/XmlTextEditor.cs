using System.Security;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>
/// Changes domain XML where corrections change it, and leaves each other character as it is: comments, order, quotes and what nothing is
/// known of. For one thread.
/// </summary>
/// <remarks>
/// The configuration is written as elements before and after. Where those differ, the element of the text that stands for them is changed:
/// children of one name stand in the text in the order in which they are written.
/// </remarks>
internal sealed class XmlTextEditor
{
    private readonly string _text;
    private readonly List<(int Start, int End, string Text)> _edits = [];
    private bool _failed;

    private XmlTextEditor(string text) => _text = text;

    /// <summary>Changes a text.</summary>
    /// <param name="text">Domain XML that was read without a problem.</param>
    /// <param name="before">What it says, as it would be written.</param>
    /// <param name="after">What it is to say.</param>
    /// <returns>Null where the text does not stand in the order in which it would be written.</returns>
    internal static string? Edit(string text, XmlTreeElement before, XmlTreeElement after)
    {
        if (XmlSourceElement.Read(text) is not { } root)
        {
            return null;
        }

        XmlTextEditor editor = new(text);
        editor.Compare(root, before, after);
        return editor._failed ? null : editor.Finish();
    }

    private void Compare(XmlSourceElement source, XmlTreeElement before, XmlTreeElement after)
    {
        bool textDiffers = before.Text != after.Text;
        Attributes(source, before, after, textDiffers);
        if (textDiffers)
        {
            _failed |= source.IsEmptyTag || source.Children.Count != 0;
            _edits.Add((source.TagEnd, source.CloseStart, SecurityElement.Escape(after.Text)));
        }

        foreach ((string Namespace, string Name) key in before.Children.Concat(after.Children).Select(child => (child.Namespace, child.Name)).Distinct().ToArray())
        {
            List<XmlTreeElement> old = before.Children.FindAll(child => (child.Namespace, child.Name) == key);
            List<XmlTreeElement> @new = after.Children.FindAll(child => (child.Namespace, child.Name) == key);
            Children(source, source.Children.FindAll(child => (child.Namespace, child.Name) == key), old, @new);
        }
    }

    private void Attributes(XmlSourceElement source, XmlTreeElement before, XmlTreeElement after, bool textDiffers)
    {
        bool changed = textDiffers || !before.Attributes.Select(Pair).SequenceEqual(after.Attributes.Select(Pair));
        if (!changed)
        {
            return;
        }

        StringBuilder added = new();
        foreach (XmlTreeAttribute attribute in after.Attributes)
        {
            string? old = before.Attributes.Find(other => other.Name == attribute.Name)?.Value;

            // A number and its unit change together: the text may have other units than are written.
            bool isUnit = attribute.Name is "unit" or "memory" or "size";
            if (old == attribute.Value && !isUnit)
            {
                continue;
            }

            int index = source.Attributes.FindIndex(other => other.Name == attribute.Name);
            if (index >= 0)
            {
                _edits.Add((source.Attributes[index].ValueStart, source.Attributes[index].ValueEnd, SecurityElement.Escape(attribute.Value)));
            }
            else
            {
                added.Append(' ').Append(attribute.Name).Append("='").Append(SecurityElement.Escape(attribute.Value)).Append('\'');
            }
        }

        foreach (XmlTreeAttribute attribute in before.Attributes.Where(old => !after.Attributes.Exists(other => other.Name == old.Name)))
        {
            int index = source.Attributes.FindIndex(other => other.Name == attribute.Name);
            if (index >= 0)
            {
                int start = source.Attributes[index].Start;
                while (char.IsWhiteSpace(_text[start - 1]))
                {
                    start--;
                }

                _edits.Add((start, source.Attributes[index].ValueEnd + 1, ""));
            }
        }

        if (added.Length != 0)
        {
            int at = source.Attributes.Count == 0 ? source.Start + 1 + source.Tag.Length : source.Attributes[^1].ValueEnd + 1;
            _edits.Add((at, at, added.ToString()));
        }

        static (string, string) Pair(XmlTreeAttribute attribute) => (attribute.Name, attribute.Value);
    }

    private void Children(XmlSourceElement parent, List<XmlSourceElement> sources, List<XmlTreeElement> before, List<XmlTreeElement> after)
    {
        if (before.Count == after.Count && before.Zip(after).All(pair => AreEqual(pair.First, pair.Second)))
        {
            return;
        }

        if (sources.Count != before.Count && sources.Count != 0)
        {
            _failed = true;
            return;
        }

        int old = 0;
        int @new = 0;
        while (old < sources.Count)
        {
            if (@new < after.Count && (AreEqual(before[old], after[@new]) || before.Count - old <= after.Count - @new))
            {
                if (!AreEqual(before[old], after[@new]))
                {
                    Compare(sources[old], before[old], after[@new]);
                }

                old++;
                @new++;
            }
            else
            {
                Remove(sources[old++]);
            }
        }

        if (@new < after.Count)
        {
            Insert(parent, sources.Count == 0 ? parent.Children.LastOrDefault() : sources[^1], after.Skip(@new));
        }
    }

    private void Remove(XmlSourceElement element)
    {
        int start = element.Start;
        while (start > 0 && _text[start - 1] is ' ' or '\t')
        {
            start--;
        }

        // A line of its own goes with it.
        if (start > 0 && _text[start - 1] == '\n')
        {
            start -= start > 1 && _text[start - 2] == '\r' ? 2 : 1;
        }
        else
        {
            start = element.Start;
        }

        _edits.Add((start, element.End, ""));
    }

    private void Insert(XmlSourceElement parent, XmlSourceElement? sibling, IEnumerable<XmlTreeElement> elements)
    {
        string indent = IndentOf(sibling ?? parent) is string found ? "\n" + found + (sibling is null ? "  " : "") : "";
        string text = string.Concat(elements.Select(element => indent + XmlTreeWriter.Write(element).TrimEnd('\n').Replace("\n", indent.Length == 0 ? "" : indent, StringComparison.Ordinal)));
        if (sibling is not null)
        {
            _edits.Add((sibling.End, sibling.End, text));
        }
        else if (parent.IsEmptyTag)
        {
            string close = IndentOf(parent) is string outer ? "\n" + outer : "";
            int slash = _text.LastIndexOf('/', parent.TagEnd - 1);
            _edits.Add((slash, parent.TagEnd, $">{text}{close}</{parent.Tag}>"));
        }
        else
        {
            _edits.Add((parent.TagEnd, parent.TagEnd, text));
        }
    }

    /// <summary>The blanks before an element that begins a line; null where it begins none.</summary>
    private string? IndentOf(XmlSourceElement element)
    {
        int start = element.Start;
        while (start > 0 && _text[start - 1] is ' ' or '\t')
        {
            start--;
        }

        return start == 0 || _text[start - 1] is '\n' or '\r' ? _text[start..element.Start] : null;
    }

    private string Finish()
    {
        StringBuilder result = new(_text.Length);
        int at = 0;
        foreach ((int start, int end, string text) in _edits.OrderBy(edit => edit.Start).ThenBy(edit => edit.End))
        {
            if (start < at)
            {
                // Within what is taken out already.
                continue;
            }

            result.Append(_text, at, start - at).Append(text);
            at = end;
        }

        return result.Append(_text, at, _text.Length - at).ToString();
    }

    private static bool AreEqual(XmlTreeElement one, XmlTreeElement other) =>
        one.Name == other.Name && one.Namespace == other.Namespace && one.Text == other.Text
        && one.Attributes.Count == other.Attributes.Count && one.Children.Count == other.Children.Count
        && one.Attributes.Zip(other.Attributes).All(pair => pair.First.Name == pair.Second.Name && pair.First.Value == pair.Second.Value)
        && one.Children.Zip(other.Children).All(pair => AreEqual(pair.First, pair.Second));
}
