using System.Text;
using System.Text.Json;

namespace Nacelle.Configuration.Tests;

/// <summary>Reports as SARIF, whose schema requires these members.</summary>
public sealed class SarifReportTests
{
    public static TheoryData<string> Corpus => [.. CorpusFiles.Xml];

    [Fact]
    public void A_log_has_what_the_schema_requires()
    {
        JsonElement run = Run(SampleReport.Make("rhel7", ("my guests/web#1.xml", SampleReport.Guest)));
        JsonElement driver = run.GetProperty("tool").GetProperty("driver");
        Assert.Equal("nacelle", driver.GetProperty("name").GetString());
        Assert.Equal("utf16CodeUnits", run.GetProperty("columnKind").GetString());
        JsonElement[] rules = [.. driver.GetProperty("rules").EnumerateArray()];
        Assert.Equal(ReportRules.All.Select(rule => rule.Id), rules.Select(rule => rule.GetProperty("id").GetString()));
        foreach (JsonElement rule in rules)
        {
            Assert.All(["shortDescription", "fullDescription", "help"], name => Assert.NotEmpty(rule.GetProperty(name).GetProperty("text").GetString()!));
            Assert.Contains(rule.GetProperty("defaultConfiguration").GetProperty("level").GetString(), (string[])["note", "warning", "error"]);
        }

        JsonElement[] results = [.. run.GetProperty("results").EnumerateArray()];
        Assert.Equal(["error", "error", "warning"], results.Select(result => result.GetProperty("level").GetString()));
        foreach (JsonElement result in results)
        {
            Assert.Equal(result.GetProperty("ruleId").GetString(), rules[result.GetProperty("ruleIndex").GetInt32()].GetProperty("id").GetString());
            Assert.NotEmpty(result.GetProperty("message").GetProperty("text").GetString()!);
            JsonElement location = Assert.Single(result.GetProperty("locations").EnumerateArray());
            JsonElement artifact = location.GetProperty("physicalLocation").GetProperty("artifactLocation");
            Assert.Equal("my%20guests/web%231.xml", artifact.GetProperty("uri").GetString());
            Assert.StartsWith("/", Assert.Single(location.GetProperty("logicalLocations").EnumerateArray()).GetProperty("fullyQualifiedName").GetString(), StringComparison.Ordinal);
        }

        JsonElement region = results[1].GetProperty("locations")[0].GetProperty("physicalLocation").GetProperty("region");
        Assert.Equal((10, 8, 14), (region.GetProperty("startLine").GetInt32(), region.GetProperty("startColumn").GetInt32(), region.GetProperty("endColumn").GetInt32()));
        Assert.Equal("/devices/disks/0/driver", results[1].GetProperty("locations")[0].GetProperty("logicalLocations")[0].GetProperty("fullyQualifiedName").GetString());
    }

    [Fact]
    public void Absolute_paths_are_file_addresses()
    {
        JsonElement run = Run(SampleReport.Make("none", ("/etc/libvirt/qemu/ä b.xml", SampleReport.Clean)));
        Assert.Equal("file:///etc/libvirt/qemu/%C3%A4%20b.xml", run.GetProperty("artifacts")[0].GetProperty("location").GetProperty("uri").GetString());
        Assert.Empty(run.GetProperty("results").EnumerateArray());
    }

    [Fact]
    public void A_text_plants_no_link_and_no_placeholder()
    {
        JsonElement run = Run(SampleReport.Make("rhel7", ("a.xml", "<domain type='kvm'><name>a</name><memory>1048576</memory><vcpu>1</vcpu><devices><disk type='file' device='disk'><driver name='qemu' iothread='1'/><source file='/x'/><target dev='[click](http://example.org/){0}' bus='virtio'/></disk></devices></domain>")));
        Assert.All(run.GetProperty("results").EnumerateArray(), result =>
        {
            string text = result.GetProperty("message").GetProperty("text").GetString()!;
            Assert.DoesNotContain("](", text, StringComparison.Ordinal);
            Assert.DoesNotMatch(@"(?<!\{)\{0\}", text);
        });
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public void A_fix_that_is_applied_takes_its_finding_away(string name)
    {
        foreach (byte[] bytes in (byte[][])[CorpusFiles.Read(name), Encoding.UTF8.GetBytes(SampleReport.Json(Encoding.UTF8.GetString(CorpusFiles.Read(name))))])
        {
            CheckReport empty = SampleReport.Make("rhel7");
            CheckReport report = SampleReport.Add(empty, name, bytes);
            string text = Encoding.UTF8.GetString(bytes);
            JsonElement[] results = [.. Run(report).GetProperty("results").EnumerateArray()];
            Assert.Equal(report.Documents[0].Entries.Length, results.Length);
            foreach ((ReportEntry entry, JsonElement result) in report.Documents[0].Entries.Zip(results))
            {
                if (result.TryGetProperty("fixes", out JsonElement fixes))
                {
                    string corrected = Apply(text, Assert.Single(fixes.EnumerateArray()));
                    CheckReport again = SampleReport.Add(empty, name, Encoding.UTF8.GetBytes(corrected));
                    Assert.True(again.Count.Errors == 0, $"{entry.RuleId} {entry.Pointer}\n{corrected}");
                    Assert.True(
                        !again.Documents[0].Entries.Any(other => other.RuleId == entry.RuleId && other.Pointer == entry.Pointer && other.Asked == entry.Asked),
                        $"{entry.RuleId} {entry.Pointer} is still there\n{corrected}");
                }
            }
        }
    }

    private static JsonElement Run(CheckReport report)
    {
        JsonElement log = JsonDocument.Parse(SarifReport.Write(report)).RootElement;
        Assert.Equal("2.1.0", log.GetProperty("version").GetString());
        Assert.EndsWith("sarif-schema-2.1.0.json", log.GetProperty("$schema").GetString(), StringComparison.Ordinal);
        return Assert.Single(log.GetProperty("runs").EnumerateArray());
    }

    private static string Apply(string text, JsonElement fix)
    {
        JsonElement replacement = Assert.Single(Assert.Single(fix.GetProperty("artifactChanges").EnumerateArray()).GetProperty("replacements").EnumerateArray());
        JsonElement region = replacement.GetProperty("deletedRegion");
        string[] lines = text.Split('\n');
        int Offset(string line, string column) =>
            lines.Take(region.GetProperty(line).GetInt32() - 1).Sum(before => before.Length + 1) + region.GetProperty(column).GetInt32() - 1;
        return text[..Offset("startLine", "startColumn")]
            + replacement.GetProperty("insertedContent").GetProperty("text").GetString()
            + text[Offset("endLine", "endColumn")..];
    }
}
