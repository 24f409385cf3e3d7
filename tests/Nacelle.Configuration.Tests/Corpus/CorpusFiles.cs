using System.Runtime.CompilerServices;

namespace Nacelle.Configuration.Tests.Corpus;

/// <summary>Where the corpus lies, and what its files are called.</summary>
internal static class CorpusFiles
{
    /// <summary>The folder of the corpus in the source tree.</summary>
    public static string Folder { get; } = Find();

    /// <summary>The folder of input that must be refused.</summary>
    public static string Hostile { get; } = Path.Combine(Folder, "Hostile");

    /// <summary>The configurations of a folder, with the names of their folder left out, in order.</summary>
    public static IEnumerable<string> Configurations(string folder) =>
        Directory.EnumerateFiles(folder)
            .Where(path => Path.GetExtension(path) is ".xml" or ".args")
            .Select(path => Path.GetFileName(path))
            .Order(StringComparer.Ordinal);

    /// <summary>What is expected of a configuration, a line an item.</summary>
    public static string[] Expected(string folder, string name) =>
        File.ReadAllLines(Path.Combine(folder, Path.ChangeExtension(name, ".expected")));

    private static string Find([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
