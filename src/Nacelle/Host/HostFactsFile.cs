using Nacelle.Configuration;

namespace Nacelle;

/// <summary>Host facts in a file. Stateless.</summary>
public static class HostFactsFile
{
    /// <summary>Reads a file that `nacelle host --save` wrote, on this host or another.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="ConfigurationException">It holds no host facts that this program reads; the message says where and why.</exception>
    public static HostFacts Read(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);

        // One more than is allowed, so that a device or pipe without an end is found out.
        using MemoryStream bytes = new();
        byte[] buffer = new byte[1 << 16];
        int count;
        while (bytes.Length <= HostFactsDocument.LargestDocument && (count = file.Read(buffer)) > 0)
        {
            bytes.Write(buffer, 0, count);
        }

        return HostFactsDocument.Parse(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), path);
    }
}
