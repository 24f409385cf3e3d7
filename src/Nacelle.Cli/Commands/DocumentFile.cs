using System.Globalization;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>Reads files with descriptions of machines, which nobody vouches for. Stateless.</summary>
internal static class DocumentFile
{
    /// <summary>Longest file in bytes: more than any document that is taken, so that its reader can say so.</summary>
    private const int Longest = (4 << 20) + 1;

    /// <summary>Reads a file, or standard input for "-"; of one that is longer than any document, the beginning.</summary>
    /// <exception cref="ConfigurationException">It cannot be read.</exception>
    internal static byte[] Read(string path)
    {
        try
        {
            using Stream stream = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path);
            using MemoryStream text = new();
            byte[] buffer = new byte[65536];
            for (int count; text.Length < Longest && (count = stream.Read(buffer)) > 0;)
            {
                text.Write(buffer, 0, (int)Math.Min(count, Longest - text.Length));
            }

            byte[] bytes = text.ToArray();
            return !path.EndsWith(".args", StringComparison.Ordinal) && FileKind.Guess(bytes) is string remedy
                ? throw new ConfigurationException(string.Format(CultureInfo.InvariantCulture, remedy, path))
                : bytes;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            string reason = error is FileNotFoundException or DirectoryNotFoundException ? "there is no such file" : error.Message;
            throw new ConfigurationException($"cannot read '{path}': {reason}");
        }
    }
}
