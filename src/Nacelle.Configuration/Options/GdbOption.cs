using System.Globalization;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>The value of <c>--gdb</c>: where the machine waits for gdb. Immutable.</summary>
/// <param name="Port">TCP port of the loopback interface, 0 for a free one; without meaning where there is a path.</param>
/// <param name="Path">A UNIX socket, or null for TCP.</param>
/// <param name="Wait">Whether the machine stands still until gdb lets it go.</param>
public sealed record GdbOption(int Port, string? Path, bool Wait)
{
    private const int HighestPort = 65535;
    private static readonly string[] s_kinds = ["tcp:PORT", "socket:PATH"];

    /// <summary>Forms of the value.</summary>
    public static IReadOnlyList<string> Kinds => s_kinds;

    /// <summary>Reads tcp:PORT or socket:PATH, with ",wait" behind it.</summary>
    /// <exception cref="ConfigurationException">It is none of the forms.</exception>
    public static GdbOption Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        bool wait = text.EndsWith(",wait", StringComparison.Ordinal);
        string place = wait ? text[..^",wait".Length] : text;
        int colon = place.IndexOf(':', StringComparison.Ordinal);
        string kind = colon < 0 ? place : place[..colon];
        string rest = colon < 0 ? "" : place[(colon + 1)..];
        switch (kind)
        {
            case "tcp":
                return int.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out int port) && port <= HighestPort
                    ? new GdbOption(port, null, wait)
                    : throw new ConfigurationException(
                        $"gdb's place '{text}' has no port: write tcp:PORT with a number up to {HighestPort}, or 0 for a free one");
            case "socket" when rest.Length == 0:
                throw new ConfigurationException($"gdb's place '{text}' names no path: write socket:PATH");
            case "socket" when Encoding.UTF8.GetByteCount(rest) > SerialOption.LongestSocketPath:
                throw new ConfigurationException(
                    $"the socket's path has {Encoding.UTF8.GetByteCount(rest)} bytes and Linux takes {SerialOption.LongestSocketPath}: choose a shorter one, or change directory and name it relatively");
            case "socket":
                return new GdbOption(0, rest, wait);
            default:
                throw new ConfigurationException(NearestName.Refusal("place for gdb", text, s_kinds));
        }
    }
}
