using System.Text;
using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>Lines for the person on standard error, apart from the guest's output.</summary>
/// <remarks>Safe from any thread. A standard error that is closed loses the lines; nothing else happens.</remarks>
internal sealed class Notices
{
    private volatile RawTerminal? _terminal;

    /// <summary>Whether only errors are said.</summary>
    internal bool Quiet { get; init; }

    /// <summary>The terminal that may be raw at present.</summary>
    internal RawTerminal? Terminal
    {
        set => _terminal = value;
    }

    /// <summary>Says something of interest.</summary>
    internal void Say(string line)
    {
        if (!Quiet)
        {
            Error(line);
        }
    }

    /// <summary>Prints a report that was asked for, as it is. While the terminal is not raw.</summary>
    /// <param name="text">Whole lines.</param>
    internal static void Print(string text) =>
        _ = HostDescriptor.WriteAll(HostDescriptor.Error, Encoding.UTF8.GetBytes(text));

    /// <summary>Says what went wrong.</summary>
    internal void Error(string line)
    {
        // A message can hold a file name, and that anything; what would move the cursor is left out.
        StringBuilder text = new("nacelle: ");
        foreach (char character in line)
        {
            text.Append(char.IsControl(character) ? '\uFFFD' : character);
        }

        text.Append(_terminal?.IsRaw == true ? "\r\n" : "\n");
        _ = HostDescriptor.WriteAll(HostDescriptor.Error, Encoding.UTF8.GetBytes(text.ToString()));
    }
}
