using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>The value of <c>--escape</c>: a control key such as "ctrl-]", or "none".</summary>
internal static class EscapeKeyOption
{
    /// <summary>Ctrl-]: telnet's, and free in shells and editors.</summary>
    internal const byte Default = 0x1D;

    private const string Prefix = "ctrl-";

    /// <summary>Reads a key.</summary>
    /// <returns>The byte that the key sends; null for "none".</returns>
    /// <exception cref="ConfigurationException">It is not a control key.</exception>
    internal static byte? Parse(string text)
    {
        if (text == "none")
        {
            return null;
        }

        if (text.Length == Prefix.Length + 1 && text.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        {
            // The terminal sends the letter's low five bits; A to Z and [ \ ] ^ _ are the ones that have such a byte.
            char letter = char.ToUpperInvariant(text[^1]);
            if (letter is >= 'A' and <= '_' and not ('M' or 'J' or '['))
            {
                return (byte)(letter & 0x1F);
            }
        }

        throw new ConfigurationException(
            $"escape key '{text}' is not valid: write ctrl- and a letter or one of ] ^ \\ _, such as ctrl-] or ctrl-a, or none");
    }

    /// <summary>Names a key as keyboards have it.</summary>
    internal static string Format(byte key) => $"Ctrl-{(char)(key + 0x40)}";
}
