using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Nacelle.Configuration;

namespace Nacelle.Cli.Tests;

/// <summary>The reference pages of the rules, which are made of the rules and of what is printed for their examples.</summary>
public sealed partial class RestrictionPageTests
{
    private const string Update = "NACELLE_UPDATE_RESTRICTIONS";
    private static readonly string s_folder = InRepository("docs", "restrictions");
    private static readonly string s_hosts = InRepository("tests", "Nacelle.Configuration.Tests", "HostFacts");

    public static TheoryData<string> Rules => [.. RuleCatalogue.Ids];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Each_rule_has_a_page_with_what_it_finds_and_what_it_lets_be(string id)
    {
        RestrictionExample example = Assert.Single(RestrictionExamples.All, example => example.RuleId == id);
        CheckReport fails = Check(example, example.Fails, example.Options);
        CheckReport passes = Check(example, example.Passes, example.PassingOptions ?? example.Options);
        Assert.True(Has(fails, id), $"{id} does not find anything in\n{example.Fails}\n{Print(fails)}");
        Assert.False(Has(passes, id), $"{id} finds something in\n{example.Passes}\n{Print(passes)}");
        Compare($"{id}.md", Page(RuleCatalogue.Find(id)!, example, fails, passes));
    }

    [Fact]
    public void The_list_of_rules_is_that_of_the_program()
    {
        StringBuilder page = new();
        page.Append("# Restrictions\n\nWhat `nacelle check` looks for, in the order in which it is listed. This page and those behind it are made from the rules by the tests.\n\n");
        page.Append($"| rule | about | kind | {string.Join(" | ", RestrictionProfile.Names)} |\n| --- | --- | --- |{string.Concat(RestrictionProfile.Names.Select(_ => " --- |"))}\n");
        foreach (Rule rule in RuleCatalogue.All)
        {
            IEnumerable<string> severities = RestrictionProfile.Names.Select(name => Severity(RestrictionProfile.Get(name), rule.Id));
            page.Append($"| [{rule.Id}]({rule.Id}.md) | {rule.Title} | {Kind(rule)} | {string.Join(" | ", severities)} |\n");
        }

        page.Append("\nKinds: *absent*, the release's code had no such thing; *disabled*, its package was built without; *support*, it works and is not supported; ");
        page.Append("*machine*, no machine can do it; *trap*, other monitors take it without a word.\n\n## Profiles\n\n");
        foreach (string name in RestrictionProfile.Names)
        {
            page.Append($"- `{name}`: {RestrictionProfile.Get(name).Title}.\n");
        }

        page.Append("\nA file of your own narrows one of them: see [checking.md](../checking.md).\n");
        Compare("README.md", page.ToString());
    }

    private static bool Has(CheckReport report, string id) => report.Documents[0].Findings.Any(finding => finding.RuleId == id);

    private static CheckReport Check(RestrictionExample example, string xml, string options)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(xml);
        MachineDocument document = MachineDocument.Read(bytes);
        Assert.True(document.Configuration is not null, string.Join("\n", document.Problems) + "\n" + xml);
        Assert.Empty(document.Unknown);
        string[] words = options.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        HostFacts? Host(string option) => Array.IndexOf(words, option) is int at and >= 0
            ? HostFactsFile.Read(Path.Combine(s_hosts, words[at + 1]))
            : null;
        CheckReport report = new()
        {
            Program = "nacelle",
            Profile = RestrictionProfile.Get(example.Profile),
            Host = Host("--host-from"),
            Destination = Host("--migrate-to"),
            Operations = [.. words.Index().Where(word => word.Item == "--operation").Select(word => ReportWords.ParseOperation(words[word.Index + 1]))],
        };
        return report.With("guest.xml", document, SourceText.Decode(bytes, document.Form));
    }

    /// <summary>What this version's machines lack is no part of a rule's page.</summary>
    private static string Print(CheckReport report) =>
        TextReport.Write(report with { Documents = [.. report.Documents.Select(document => document with { StartRefusals = [] })] }, new TextReportSettings(TextReport.DefaultWidth, Colours: false, SummaryOnly: false));

    private static string Page(Rule rule, RestrictionExample example, CheckReport fails, CheckReport passes)
    {
        StringBuilder page = new();
        page.Append($"# {rule.Id}: {rule.Title}\n\n{Marked(rule.Row)}\n\n{Marked(rule.Explanation)}\n\n**What to do:** {Marked(rule.Remedy)}\n\n");
        page.Append($"Kind: {Kind(rule)}.{(rule.CanBeOverridden ? " A person can override it." : "")}\n\n| profile | finding |\n| --- | --- |\n");
        foreach (string name in RestrictionProfile.Names)
        {
            page.Append($"| `{name}` | {Severity(RestrictionProfile.Get(name), rule.Id)} |\n");
        }

        Example(page, "Found", example, example.Fails, example.Options, fails);
        Example(page, "Let be", example, example.Passes, example.PassingOptions ?? example.Options, passes);
        return page.ToString();
    }

    /// <summary>Elements in backticks: code hosts would take them for HTML and show nothing.</summary>
    private static string Marked(string text) => Elements().Replace(text, "`$0`");

    [GeneratedRegex("(?:<[^<>]+>)+", RegexOptions.CultureInvariant)]
    private static partial Regex Elements();

    private static void Example(StringBuilder page, string title, RestrictionExample example, string xml, string options, CheckReport report)
    {
        const int most = 60;
        string[] lines = xml.TrimEnd('\n').Split('\n');
        string shown = lines.Length <= most ? string.Join('\n', lines) : $"{string.Join('\n', lines[..20])}\n    <!-- … and so on: {lines.Length} lines -->\n{string.Join('\n', lines[^8..])}";
        string[] printed = Print(report).TrimEnd('\n').Split('\n');
        string output = printed.Length <= most ? string.Join('\n', printed) : $"{string.Join('\n', printed[..24])}\n…\n{string.Join('\n', printed[^4..])}";
        string command = $"nacelle check guest.xml --profile {example.Profile} {options}".TrimEnd();
        page.Append($"\n## {title}\n\n```xml\n{shown}\n```\n\n```\n$ {command}\n{output}\n```\n");
    }

    private static string Severity(RestrictionProfile profile, string id) => profile.Rules.GetValueOrDefault(id) is not { } setting ? "-"
        : setting.Severity!.Value.ToString().ToLowerInvariant() + (setting.Limit is int limit ? $" above {limit}" : "");

    private static string Kind(Rule rule) => rule.Kind.ToString().ToLowerInvariant();

    private static string InRepository(params ReadOnlySpan<string> path) => Path.Combine([Path.GetDirectoryName(ThisFile())!, "..", "..", "..", .. path]);

    private static string ThisFile([CallerFilePath] string path = "") => path;

    private static void Compare(string name, string text)
    {
        string path = Path.Combine(s_folder, name);
        if (Environment.GetEnvironmentVariable(Update) is "1")
        {
            Directory.CreateDirectory(s_folder);
            File.WriteAllText(path, text);
        }

        string written = File.Exists(path) ? File.ReadAllText(path) : "";
        Assert.True(written == text, $"docs/restrictions/{name} is not what the program says; {Update}=1 writes it:\n{text}");
    }
}
