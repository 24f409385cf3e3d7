using System.Text;
using Nacelle.Linux;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>The value of <c>--serial</c>: stdio, none, pty[:LINK], file:PATH or socket:PATH.</summary>
public static class SerialOption
{
    /// <summary>Longest path of a UNIX socket in bytes (unix(7): sun_path less the terminating zero).</summary>
    public const int LongestSocketPath = LocalListener.LongestPath;

    private static readonly string[] s_kinds = ["stdio", "none", "pty", "file:PATH", "socket:PATH"];

    /// <summary>Forms of the value.</summary>
    public static IReadOnlyList<string> Kinds => s_kinds;

    /// <summary>Reads a serial port's connection.</summary>
    /// <exception cref="ConfigurationException">It is none of the forms.</exception>
    public static SerialDescription Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string kind = colon < 0 ? text : text[..colon];
        string? path = colon < 0 ? null : text[(colon + 1)..];
        return (kind, path) switch
        {
            ("stdio", null) => SerialDescription.StandardStreams,
            ("none", null) => SerialDescription.None,
            ("pty", null or { Length: > 0 }) => new SerialDescription(SerialKind.Terminal, path),
            ("pty", _) => throw new ConfigurationException($"serial '{text}' names no link: write pty, or pty:LINK"),
            ("file", { Length: > 0 }) => new SerialDescription(SerialKind.File, path),
            ("socket", { Length: > 0 }) => new SerialDescription(SerialKind.Socket, SocketPath(path)),
            ("file" or "socket", _) => throw new ConfigurationException($"serial '{text}' names no path: write {kind}:PATH"),
            ("stdio" or "none", _) => throw new ConfigurationException($"serial '{kind}' takes no path: write {kind} alone"),
            _ => throw new ConfigurationException(NearestName.Refusal("serial connection", text, s_kinds)),
        };
    }

    /// <summary>Writes a connection; <see cref="Parse"/> reads it back.</summary>
    public static string Format(SerialDescription serial)
    {
        ArgumentNullException.ThrowIfNull(serial);
        return serial.Kind switch
        {
            SerialKind.None => "none",
            SerialKind.StandardStreams => "stdio",
            SerialKind.Terminal => serial.Path is null ? "pty" : $"pty:{serial.Path}",
            SerialKind.File => $"file:{serial.Path}",
            _ => $"socket:{serial.Path}",
        };
    }

    private static string SocketPath(string path)
    {
        int size = Encoding.UTF8.GetByteCount(path);
        return size <= LongestSocketPath
            ? path
            : throw new ConfigurationException(
                $"the socket's path has {size} bytes and Linux takes {LongestSocketPath}: choose a shorter one, or change directory and name it relatively");
    }
}
