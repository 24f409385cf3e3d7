using System.Globalization;
using System.Net;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>Collects a page, and escapes what documents say. For one thread.</summary>
internal sealed class HtmlText
{
    private readonly StringBuilder _text = new();

    /// <summary>Adds markup of this program's own.</summary>
    public HtmlText Raw(string markup)
    {
        _text.Append(markup);
        return this;
    }

    /// <summary>Adds text, cleaned and escaped for elements and quoted attributes.</summary>
    public HtmlText Text(string text)
    {
        _text.Append(WebUtility.HtmlEncode(SafeText.Clean(text)));
        return this;
    }

    /// <summary>Adds a number.</summary>
    public HtmlText Number(int number)
    {
        _text.Append(number.ToString(CultureInfo.InvariantCulture));
        return this;
    }

    /// <summary>Adds a term of a list with what is said of it; nothing where nothing is.</summary>
    public HtmlText Fact(string term, string? value) => value is null
        ? this
        : Raw("<dt>").Text(term).Raw("</dt><dd>").Text(value).Raw("</dd>\n");

    /// <inheritdoc/>
    public override string ToString() => _text.ToString();
}
