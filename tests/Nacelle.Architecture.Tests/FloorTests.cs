using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Nacelle.Architecture.Tests;

/// <summary>Reads the project files and compares their references with the table of docs/architecture.md.</summary>
public sealed class FloorTests
{
    [Fact]
    public void Every_project_refers_only_to_those_that_the_table_allows()
    {
        List<string> forbidden = [];
        Dictionary<string, string[]> floors = ReadTable();
        foreach ((string project, string[] references) in ReadProjects())
        {
            if (!floors.TryGetValue(project, out string[]? allowed))
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

    [Fact]
    public void The_table_names_projects_below_each_one()
    {
        List<string> above = [];
        HashSet<string> seen = [];
        foreach ((string project, string[] references) in ReadTable())
        {
            above.AddRange(references.Except(seen).Select(reference => $"{project} is not above {reference}"));
            seen.Add(project);
        }

        Assert.Empty(above);
        Assert.Empty(seen.Except(ReadProjects().Select(project => project.Name)));
    }

    /// <summary>Rows such as | 3 | `Nacelle.Kvm` | `Nacelle.Cpu` | …, from the ground up.</summary>
    private static Dictionary<string, string[]> ReadTable([CallerFilePath] string here = "")
    {
        string document = Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "docs", "architecture.md");
        Dictionary<string, string[]> floors = [];
        foreach (string line in File.ReadLines(document))
        {
            string[] cells = [.. line.Split('|', StringSplitOptions.TrimEntries).Skip(1)];
            if (cells.Length >= 4 && int.TryParse(cells[0], out _))
            {
                floors.Add(cells[1].Trim('`'), [.. cells[2].Split(", ").Select(name => name.Trim('`')).Where(name => name != "-")]);
            }
        }

        Assert.NotEmpty(floors);
        return floors;
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
