using System.Text;

namespace Nacelle.Configuration;

/// <summary>How a piece of text looks on a terminal.</summary>
internal enum TextStyle
{
    /// <summary>As the terminal has it.</summary>
    Plain,

    /// <summary>Bold.</summary>
    Bold,

    /// <summary>In the background: labels, what stays.</summary>
    Dim,

    /// <summary>A refusal or error.</summary>
    Refusal,

    /// <summary>A warning.</summary>
    Warning,

    /// <summary>A notice.</summary>
    Notice,

    /// <summary>What is taken out.</summary>
    Removed,

    /// <summary>What is put in, and what is well.</summary>
    Added,
}

/// <summary>Collects text with colours, or without. Everything is cleaned of what moves cursors. For one thread.</summary>
/// <param name="colours">Whether escape sequences are written.</param>
/// <param name="width">Columns of a line that is wrapped.</param>
internal sealed class StyledText(bool colours, int width)
{
    private readonly StringBuilder _text = new();

    /// <summary>Columns of a line.</summary>
    public int Width { get; } = width;

    /// <summary>Adds a piece to the line.</summary>
    public StyledText Add(TextStyle style, string text)
    {
        string clean = SafeText.Clean(text);
        if (!colours || style == TextStyle.Plain || clean.Length == 0)
        {
            _text.Append(clean);
        }
        else
        {
            _text.Append("\e[").Append(Code(style)).Append('m').Append(clean).Append("\e[0m");
        }

        return this;
    }

    /// <summary>Ends the line, and leaves no spaces at its end.</summary>
    public void EndLine()
    {
        while (_text.Length > 0 && _text[^1] == ' ')
        {
            _text.Length--;
        }

        _text.Append('\n');
    }

    /// <summary>Adds words from a column on, the further lines below them, and ends the line. A word that no line holds is not taken apart.</summary>
    public void Wrap(int column, TextStyle style, string text)
    {
        StringBuilder line = new();
        bool first = true;
        foreach (string word in SafeText.Clean(text).Split(' '))
        {
            if (line.Length > 0 && column + SafeText.Width(line.ToString()) + 1 + SafeText.Width(word) > Width)
            {
                Flush();
            }

            line.Append(line.Length > 0 ? " " : "").Append(word);
        }

        Flush();

        void Flush()
        {
            _text.Append(' ', first ? 0 : column);
            Add(style, line.ToString()).EndLine();
            line.Clear();
            first = false;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();

    // Select Graphic Rendition of ECMA-48, section 8.3.117: the eight colours that every terminal lets its user choose.
    private static string Code(TextStyle style) => style switch
    {
        TextStyle.Bold => "1",
        TextStyle.Dim => "2",
        TextStyle.Refusal => "1;31",
        TextStyle.Warning => "1;33",
        TextStyle.Notice => "1;36",
        TextStyle.Removed => "31",
        _ => "32",
    };
}
