using System.Globalization;
using System.Text;

namespace Nacelle;

/// <summary>The files in which a kernel tells about its host, below a root. What is not there or may not be read is null or empty.</summary>
/// <param name="root">"/" for this host; a directory with the same files for another.</param>
internal sealed class HostTree(string root)
{
    private const int LongestText = 4096;

    /// <summary>Where a path of the host is found.</summary>
    internal string At(string path) => root == "/" ? path : root + path;

    /// <summary>Lines of a file.</summary>
    internal IEnumerable<string> Lines(string path)
    {
        StreamReader reader;
        try
        {
            reader = new StreamReader(At(path), Encoding.UTF8);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            yield break;
        }

        using (reader)
        {
            while (NextLine(reader) is string line)
            {
                yield return line;
            }
        }
    }

    /// <summary>The first line of a file, without what a terminal would obey; null where there is none.</summary>
    internal string? Line(string path) => Lines(path).FirstOrDefault() is string line ? Clean(line) : null;

    /// <summary>The first line as a number; null where it is none.</summary>
    internal ulong? Number(string path) =>
        ulong.TryParse(Line(path), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null;

    /// <summary>The first line as a number with "0x" before it; null where it is none.</summary>
    internal int? Hexadecimal(string path) =>
        Line(path) is string text && text.StartsWith("0x", StringComparison.Ordinal)
        && int.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int number) ? number : null;

    /// <summary>Whether the first line is "1" or "Y".</summary>
    internal bool IsOn(string path) => Line(path) is "1" or "Y";

    /// <summary>Whether there is a file or directory.</summary>
    internal bool Exists(string path) => File.Exists(At(path)) || Directory.Exists(At(path));

    /// <summary>Names in a directory, in order.</summary>
    internal IReadOnlyList<string> Names(string path)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(At(path)).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The last part of what a symbolic link names; null where it is none.</summary>
    internal string? LinkName(string path)
    {
        try
        {
            return new FileInfo(At(path)).LinkTarget is string target ? Path.GetFileName(target) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A path of the host with all symbolic links followed; the same where it is no link.</summary>
    internal string Resolve(string path)
    {
        try
        {
            string? target = new FileInfo(At(path)).ResolveLinkTarget(returnFinalTarget: true)?.FullName;
            return target is null ? path : root == "/" ? target : target.StartsWith(root, StringComparison.Ordinal) ? target[root.Length..] : target;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return path;
        }
    }

    /// <summary>Text without what a terminal would obey, cut where it is longer than any name or path.</summary>
    internal static string Clean(string text)
    {
        string whole = text.Trim();
        string cut = whole.Length <= LongestText ? whole : whole[..LongestText];
        return cut.Any(char.IsControl) ? string.Concat(cut.Select(character => char.IsControl(character) ? '\uFFFD' : character)) : cut;
    }

    /// <summary>Some files of sysfs open and then refuse to be read.</summary>
    private static string? NextLine(StreamReader reader)
    {
        try
        {
            return reader.ReadLine();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
