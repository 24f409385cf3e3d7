using System.Diagnostics;
using System.Globalization;
using System.Xml;

namespace Nacelle.Configuration.Tests.Corpus;

/// <summary>The corpus is what its README says: every file judged, every judgement well-formed, every rule broken by someone.</summary>
public sealed class CorpusFormatTests
{
    private static readonly string[] s_profiles = ["none", "rhel7", "rhel7.0", "rhev", "rhel7-guide"];

    /// <summary>The rules that a check without a host can find, and the severities that each may have.</summary>
    private static readonly Dictionary<string, string[]> s_severities = new()
    {
        ["C2.VCPU"] = ["refusal"],
        ["C2.NESTED"] = ["notice", "refusal"],
        ["C2.TCG"] = ["refusal"],
        ["C2.SCSI"] = ["refusal"],
        ["C2.IDE"] = ["refusal"],
        ["C2.PCI"] = ["refusal"],
        ["C2.WHOLEDISK"] = ["warning"],
        ["C2.THROTTLE"] = ["refusal"],
        ["C2.IOTHREAD"] = ["refusal"],
        ["C2.MEMHOTPLUG"] = ["refusal"],
        ["C2.VHOSTUSER"] = ["refusal"],
        ["C2.PCINUMA"] = ["refusal"],
        ["C2.RT"] = ["refusal"],
        ["C2.ASSIGN"] = ["refusal"],
        ["C2.MIG-CACHE"] = ["refusal"],
        ["C2.NESTED-MIG"] = ["refusal"],
        ["C2.VIRTIO-LIMIT"] = ["refusal"],
        ["C2.ASSIGN-LIMIT"] = ["refusal"],
        ["TRAP.SLOT-BEHIND-PORT"] = ["warning"],
        ["TRAP.FUNCTION-0-ABSENT"] = ["warning"],
        ["TRAP.EXPANDER-BUS-0"] = ["warning"],
        ["TRAP.BURST-WITHOUT-LIMIT"] = ["warning"],
        ["TRAP.VHOST-USER-WITHOUT-SHARED-MEMORY"] = ["warning"],
        ["TRAP.IMPLICIT-SCSI-HBA"] = ["warning"],
        ["TRAP.APIC-ID-WITHOUT-X2APIC"] = ["warning"],
        ["TRAP.INVARIANT-TSC-WITHOUT-FREQUENCY"] = ["warning"],
        ["TRAP.QEMU-ARGUMENTS"] = ["warning"],
        ["TRAP.NUMA-MEMORY"] = ["warning"],
    };

    /// <summary>The configurations of the corpus.</summary>
    public static TheoryData<string> Configurations => [.. CorpusFiles.Configurations(CorpusFiles.Folder)];

    [Fact]
    public void Every_configuration_is_judged_and_every_judgement_is_of_a_configuration()
    {
        foreach (string folder in new[] { CorpusFiles.Folder, CorpusFiles.Hostile })
        {
            IEnumerable<string?> judged = Directory.EnumerateFiles(folder, "*.expected").Select(Path.GetFileNameWithoutExtension);
            IEnumerable<string?> configurations = CorpusFiles.Configurations(folder).Select(Path.GetFileNameWithoutExtension);
            Assert.Equal(configurations.Order(StringComparer.Ordinal), judged.Order(StringComparer.Ordinal));
        }
    }

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Findings_name_a_profile_a_rule_and_a_line_where_something_begins(string name)
    {
        HashSet<int> lines = LinesToBlame(Path.Combine(CorpusFiles.Folder, name));
        var keys = new List<(int Profile, int Line, string Rule)>();
        foreach (string finding in CorpusFiles.Expected(CorpusFiles.Folder, name))
        {
            string[] words = finding.Split(' ');
            Assert.True(words.Length == 4, $"{name}: four words: {finding}");
            string[] plan = words[0].Split('+');
            Assert.True(plan is [_] or [_, "migrate"], $"{name}: a plan that is not known: {finding}");
            int profile = Array.IndexOf(s_profiles, plan[0]);
            Assert.True(profile >= 0, $"{name}: a profile that is not known: {finding}");
            Assert.True(s_severities.TryGetValue(words[1], out string[]? severities), $"{name}: a rule that is not known: {finding}");
            Assert.Contains(words[2], severities);
            int line = int.Parse(words[3], NumberStyles.None, CultureInfo.InvariantCulture);
            Assert.True(lines.Contains(line), $"{name}: nothing begins on line {line}: {finding}");
            keys.Add((profile + (plan.Length > 1 ? s_profiles.Length : 0), line, words[1]));
        }

        Assert.Equal(keys.Distinct().OrderBy(key => key.Profile).ThenBy(key => key.Line).ThenBy(key => key.Rule, StringComparer.Ordinal), keys);
    }

    [Fact]
    public void Every_rule_is_broken_by_two_files_and_kept_by_many()
    {
        var breakers = s_severities.Keys.ToDictionary(rule => rule, _ => new HashSet<string>());
        int files = 0;
        foreach (string name in CorpusFiles.Configurations(CorpusFiles.Folder))
        {
            files++;
            foreach (string finding in CorpusFiles.Expected(CorpusFiles.Folder, name))
            {
                breakers[finding.Split(' ')[1]].Add(name);
            }
        }

        foreach ((string rule, HashSet<string> names) in breakers)
        {
            int least = rule.EndsWith("-LIMIT", StringComparison.Ordinal) && rule.StartsWith("C2.", StringComparison.Ordinal) ? 1 : 2;
            Assert.True(names.Count >= least, $"{rule} is broken by {names.Count} files: {string.Join(", ", names)}");
            Assert.True(files - names.Count >= 20, $"{rule} is kept by {files - names.Count} files only");
        }
    }

    [Fact]
    public async Task The_schema_of_libvirt_accepts_the_corpus()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/virt-xml-validate"), "virt-xml-validate is not installed (Debian: libvirt-clients)");
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(CorpusFiles.Folder, "validate.sh"))
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        string error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{error}{await output}");
    }

    /// <summary>The lines on which a start tag or an argument begins.</summary>
    private static HashSet<int> LinesToBlame(string path)
    {
        if (Path.GetExtension(path) == ".args")
        {
            return [.. File.ReadLines(path).Index().Where(line => !line.Item.StartsWith('#')).Select(line => line.Index + 1)];
        }

        HashSet<int> lines = [];
        using var reader = XmlReader.Create(path);
        while (reader.Read())
        {
            if (reader.NodeType == XmlNodeType.Element)
            {
                lines.Add(((IXmlLineInfo)reader).LineNumber);
            }
        }

        return lines;
    }
}
