namespace Nacelle.Configuration.Tests;

/// <summary>Findings over the corpus, which were written down by hand before there were rules.</summary>
public sealed class CorpusRuleTests
{
    private const string MigrationMark = "+migrate";

    public static TheoryData<string> Corpus => [.. CorpusFiles.Xml];

    public static TheoryData<string> Arguments => [.. CorpusFiles.Arguments];

    [Theory]
    [MemberData(nameof(Corpus))]
    [MemberData(nameof(Arguments))]
    public void Rules_find_what_was_expected(string name)
    {
        string expected = Read(name);
        byte[] text = CorpusFiles.Read(name);
        MachineDocument document = name.EndsWith(".args", StringComparison.Ordinal) ? QemuArgumentsDocument.ReadFile(text) : DomainXmlDocument.Read(text);
        Assert.True(document.Configuration is not null, string.Join("\n", document.Problems));
        string[] wanted = expected.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] found = [.. Findings(document)];
        Assert.True(
            wanted.ToHashSet().SetEquals(found),
            $"missing:\n{string.Join("\n", wanted.Except(found))}\nnot expected:\n{string.Join("\n", found.Except(wanted))}");
    }

    /// <summary>Corrections are no suggestion that leads elsewhere: what they correct is found no more, and nothing new is.</summary>
    [Theory]
    [MemberData(nameof(Corpus))]
    public void Corrections_leave_nothing_of_what_they_correct(string name)
    {
        RestrictionProfile profile = RestrictionProfile.Get("rhel7");
        MachineDocument document = DomainXmlDocument.Read(CorpusFiles.Read(name));
        RuleContext context = new() { Document = document, Operations = [MachineOperation.Migrate] };
        Finding[] before = [.. RuleChecker.Check(context, profile)];
        MachineConfiguration corrected = RuleChecker.Correct(document.Configuration!, before);
        MachineDocument second = DomainXmlDocument.Read(System.Text.Encoding.UTF8.GetBytes(DomainXmlDocument.Write(corrected)));
        Finding[] after = [.. RuleChecker.Check(context with { Document = second }, profile)];
        string[] kept = [.. before.Where(finding => !finding.IsCorrectable).Select(finding => finding.RuleId).Distinct().Order()];
        string[] left = [.. after.Select(finding => finding.RuleId).Distinct().Order()];
        Assert.True(left.All(kept.Contains), $"before: {string.Join(", ", before.Select(finding => finding.RuleId))}; after: {string.Join("\n", after.Select(finding => finding.ToString()))}");
    }

    private static string Read(string name) =>
        System.Text.Encoding.UTF8.GetString(CorpusFiles.Read(Path.ChangeExtension(name, ".expected"))).TrimEnd('\n');

    private static IEnumerable<string> Findings(MachineDocument document)
    {
        SortedSet<(string, int, string, string)> lines = [];
        foreach (string name in RestrictionProfile.Names)
        {
            RestrictionProfile profile = RestrictionProfile.Get(name);
            RuleContext context = new() { Document = document };
            Finding[] plain = [.. RuleChecker.Check(context, profile)];
            Finding[] migrating = [.. RuleChecker.Check(context with { Operations = [MachineOperation.Migrate] }, profile)];
            foreach (Finding finding in plain)
            {
                lines.Add((name, finding.Place!.Position.Line, finding.RuleId, Word(finding)));
            }

            foreach (Finding finding in migrating.Where(finding => !plain.Any(other => other.RuleId == finding.RuleId && other.Pointer == finding.Pointer)))
            {
                lines.Add((name + MigrationMark, finding.Place!.Position.Line, finding.RuleId, Word(finding)));
            }
        }

        return lines.Select(line => $"{line.Item1} {line.Item3} {line.Item4} {line.Item2}");
    }

    private static string Word(Finding finding) => finding.Severity switch
    {
        FindingSeverity.Notice => "notice",
        FindingSeverity.Warning => "warning",
        _ => "refusal",
    };
}
