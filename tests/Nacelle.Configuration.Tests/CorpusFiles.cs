using System.Runtime.CompilerServices;

namespace Nacelle.Configuration.Tests;

/// <summary>The corpus of domain XML and QEMU arguments.</summary>
internal static class CorpusFiles
{
    /// <summary>Names of all XML files.</summary>
    internal static IEnumerable<string> Xml => Names("*.xml");

    /// <summary>Names of all files of arguments.</summary>
    internal static IEnumerable<string> Arguments => Names("*.args");

    /// <summary>The folder.</summary>
    internal static string Folder { get; } = Path.Combine(Path.GetDirectoryName(ThisFile())!, "Corpus");

    /// <summary>A file's bytes.</summary>
    internal static byte[] Read(string name) => File.ReadAllBytes(Path.Combine(Folder, name));

    private static IEnumerable<string> Names(string pattern) =>
        Directory.EnumerateFiles(Folder, pattern).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
