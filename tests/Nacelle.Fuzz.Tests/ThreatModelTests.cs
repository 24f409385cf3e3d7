using System.Runtime.CompilerServices;
using System.Text;

namespace Nacelle.Fuzz.Tests;

/// <summary>The list of targets in docs/threat-model.md is made from the targets; NACELLE_UPDATE_FUZZ_TARGETS=1 writes it anew.</summary>
public sealed class ThreatModelTests
{
    private const string Begin = "<!-- fuzz targets: written by ThreatModelTests -->\n";
    private const string End = "<!-- end of fuzz targets -->\n";

    [Fact]
    public void The_page_lists_the_targets()
    {
        string path = Path.Combine(Path.GetDirectoryName(Here())!, "../../docs/threat-model.md");
        string page = File.ReadAllText(path);
        int begin = page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = page.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= Begin.Length && end >= begin, $"{path} has no place for the list");
        StringBuilder list = new("| target | what it feeds |\n| --- | --- |\n");
        foreach (FuzzTarget target in FuzzTarget.All)
        {
            list.Append("| `").Append(target.Name).Append("` | ").Append(target.Feeds).Append(" |\n");
        }

        if (Environment.GetEnvironmentVariable("NACELLE_UPDATE_FUZZ_TARGETS") == "1")
        {
            File.WriteAllText(path, string.Concat(page.AsSpan(0, begin), list.ToString(), page.AsSpan(end)));
            return;
        }

        Assert.Equal(list.ToString(), page[begin..end]);
    }

    private static string Here([CallerFilePath] string path = "") => path;
}
