using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Nacelle.Architecture.Tests;

/// <summary>Reads the project files and compares their references with the table of docs/architecture.md.</summary>
public sealed class FloorTests
{
    private static readonly Dictionary<string, string[]> s_allowed = new()
    {
        ["Nacelle.Linux"] = [],
        ["Nacelle.Memory"] = ["Nacelle.Linux"],
        ["Nacelle.Block"] = ["Nacelle.Linux"],
        ["Nacelle.Network"] = ["Nacelle.Linux"],
        ["Nacelle.Cpu"] = ["Nacelle.Memory"],
        ["Nacelle.Kvm"] = ["Nacelle.Cpu"],
        ["Nacelle.Translation"] = ["Nacelle.Cpu"],
        ["Nacelle.Devices"] = ["Nacelle.Memory", "Nacelle.Block", "Nacelle.Network"],
        ["Nacelle.Machine"] = ["Nacelle.Linux", "Nacelle.Memory", "Nacelle.Block", "Nacelle.Network", "Nacelle.Cpu", "Nacelle.Kvm", "Nacelle.Translation", "Nacelle.Devices"],
        ["Nacelle.Configuration"] = ["Nacelle.Machine"],
        ["Nacelle.Control"] = ["Nacelle.Configuration"],
        ["Nacelle"] = ["Nacelle.Configuration", "Nacelle.Control"],
        ["Nacelle.Cli"] = ["Nacelle"],
        ["Nacelle.Console"] = ["Nacelle"],
    };

    [Fact]
    public void Every_project_refers_only_to_those_that_the_table_allows()
    {
        List<string> forbidden = [];
        foreach ((string project, string[] references) in ReadProjects())
        {
            if (!s_allowed.TryGetValue(project, out string[]? allowed))
            {
                forbidden.Add($"{project} stands on no floor: add it to the table");
                continue;
            }

            forbidden.AddRange(references.Except(allowed).Select(reference => $"{project} may not use {reference}"));
        }

        Assert.Empty(forbidden);
    }

    [Fact]
    public void Project_references_are_found_at_all()
    {
        Assert.Contains(ReadProjects(), project => project.Name == "Nacelle.Memory" && project.References.Contains("Nacelle.Linux"));
    }

    private static IEnumerable<(string Name, string[] References)> ReadProjects([CallerFilePath] string here = "")
    {
        string sources = Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "src");
        foreach (string file in Directory.EnumerateFiles(sources, "*.csproj", SearchOption.AllDirectories))
        {
            string[] references = [.. XDocument.Load(file).Descendants("ProjectReference")
                .Select(element => Path.GetFileNameWithoutExtension(element.Attribute("Include")!.Value.Replace('\\', '/')))];
            yield return (Path.GetFileNameWithoutExtension(file), references);
        }
    }
}
