using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using CsCheck;

namespace Nacelle.Configuration.Tests;

/// <summary>Reports for programs and browsers, and corrections.</summary>
public sealed partial class ReportWriterTests
{
    public static TheoryData<string> Corpus => [.. CorpusFiles.Xml];

    [Fact]
    public void Json_says_all_that_is_known_in_the_same_order_always()
    {
        CheckReport report = SampleReport.Make("rhel7", ("guest.xml", SampleReport.Guest), ("bad.xml", "<domain"));
        string text = JsonReport.Write(report);
        Assert.Equal(text, JsonReport.Write(report));
        JsonElement root = JsonDocument.Parse(text).RootElement;
        Assert.Equal(("nacelle-check-report", 1), (root.GetProperty("schema").GetString(), root.GetProperty("version").GetInt32()));
        Assert.Equal("rhel7", root.GetProperty("profile").GetProperty("name").GetString());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("host").ValueKind);
        Assert.Contains("C2.TSC", root.GetProperty("rulesWithoutHost").EnumerateArray().Select(rule => rule.GetString()));
        Assert.Equal("error", root.GetProperty("summary").GetProperty("worst").GetString());
        JsonElement guest = root.GetProperty("documents")[0];
        Assert.Equal(("guest.xml", "domain-xml", "web"), (guest.GetProperty("name").GetString(), guest.GetProperty("form").GetString(), guest.GetProperty("guest").GetString()));
        JsonElement finding = guest.GetProperty("findings")[1];
        Assert.Equal("""
            {"ruleId":"C2.IOTHREAD","title":"I/O threads","severity":"refusal","pointer":"/devices/disks/0/driver","line":10,"column":8,"endColumn":14}
            """, JsonSerializer.Serialize(finding.EnumerateObject().Take(7).ToDictionary(member => member.Name, member => member.Value)));
        Assert.True(finding.GetProperty("correctable").GetBoolean());
        Assert.Contains("<driver name=\"qemu\" type=\"raw\" cache=\"none\" />", finding.GetProperty("snippet").GetString(), StringComparison.Ordinal);
        Assert.Equal("error", root.GetProperty("documents")[1].GetProperty("findings")[0].GetProperty("severity").GetString());
    }

    [Fact]
    public void Snippets_have_the_form_of_the_text()
    {
        CheckReport report = SampleReport.Make("rhel7", ("guest.json", SampleReport.Json(SampleReport.Guest)));
        ReportEntry disk = Assert.Single(report.Documents[0].Entries, entry => entry.Pointer == "/devices/disks/0/driver");
        JsonElement snippet = JsonDocument.Parse(disk.Snippet!).RootElement;
        Assert.Equal("vda", snippet.GetProperty("targetName").GetString());
        Assert.False(snippet.GetProperty("driver").TryGetProperty("ioThread", out _), disk.Snippet);
        Assert.Equal(["    \"ioThread\": 1"], disk.Change.Where(line => line.Kind == DifferenceKind.Removed).Select(line => line.Text.TrimEnd(',')).Where(line => line.Contains("ioThread", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_page_runs_nothing_that_a_text_says()
    {
        const string script = "&lt;script>alert(1)&lt;/script>&quot;&apos; onload=x";
        string guest = SampleReport.Guest.Replace("<name>web</name>", $"<name>{script}</name>", StringComparison.Ordinal)
            .Replace("dev='vda'", "dev='&lt;img src=x onerror=alert(1)>'", StringComparison.Ordinal);
        string page = HtmlReport.Write(SampleReport.Make("rhel7", ("<script>alert(2)</script>\".xml", guest), ("b", "<domain><vcpu>&lt;/pre>&lt;script></vcpu></domain>")));
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<img", page, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("&lt;script&gt;alert(1)&lt;/script&gt;", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
        Assert.DoesNotMatch("(?:src|href)=\"(?!#)", page);
        Assert.DoesNotContain("@import", page, StringComparison.Ordinal);
        Assert.DoesNotContain("url(", page, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public void Every_element_of_a_page_is_closed_and_every_link_leads_somewhere(string name)
    {
        CheckReport report = SampleReport.Add(SampleReport.Make("rhel7"), name, CorpusFiles.Read(name));
        string page = HtmlReport.Write(report);
        Stack<string> open = new();
        string body = page[page.IndexOf("<body>", StringComparison.Ordinal)..page.IndexOf("</html>", StringComparison.Ordinal)];
        foreach (Match tag in Tag().Matches(body))
        {
            if (tag.Groups[1].Value == "/")
            {
                Assert.Equal(open.Pop(), tag.Groups[2].Value);
            }
            else if (tag.Groups[2].Value != "input")
            {
                open.Push(tag.Groups[2].Value);
            }
        }

        Assert.Empty(open);
        string[] ids = [.. Id().Matches(body).Select(match => match.Groups[1].Value)];
        Assert.Equal(ids.Distinct(), ids);
        Assert.All(Link().Matches(body).Select(match => match.Groups[1].Value), link => Assert.Contains(link, ids));
        Assert.Equal(report.Documents[0].Entries.Length, body.Split("<article ").Length - 1);
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public void Corrected_texts_read_back_and_have_none_of_what_was_corrected(string name)
    {
        CheckReport report = SampleReport.Add(SampleReport.Make("rhel7"), name, CorpusFiles.Read(name));
        Corrections corrections = Corrections.Make(report, report.Documents[0], "corrected.xml");
        Assert.Equal(0, corrections.Left.Count.Errors);
        Assert.Equal(0, corrections.Left.Count.Correctable);
        Assert.Equal("corrected.xml", corrections.Left.Name);
    }

    [Fact]
    public void Damaged_texts_are_reported_in_every_form()
    {
        byte[][] seeds = [.. CorpusFiles.Xml.Where((_, index) => index % 20 == 0).Select(CorpusFiles.Read)];
        Gen.Select(Gen.Int[0, seeds.Length - 1], Gen.Int[0, 1 << 20], Gen.Byte, Gen.Int[0, 3]).Sample(
            (seed, place, value, kind) =>
            {
                byte[] bytes = seeds[seed];
                int at = place % bytes.Length;
                byte[] damaged = kind switch
                {
                    0 => [.. bytes[..at], value, .. bytes[(at + 1)..]],
                    1 => [.. bytes[..at], .. bytes[Math.Min(at + value, bytes.Length)..]],
                    2 => bytes[..at],
                    _ => [.. bytes[..at], .. bytes[(place / 7 % bytes.Length)..]],
                };
                CheckReport report = SampleReport.Add(SampleReport.Make("rhel7-guide"), "damaged", damaged);
                string text = TextReport.Write(report, new TextReportSettings(80, Colours: false, SummaryOnly: false));
                Assert.DoesNotContain(text, character => char.IsControl(character) && character != '\n');
                Assert.DoesNotContain("<script", HtmlReport.Write(report), StringComparison.Ordinal);
                JsonDocument.Parse(JsonReport.Write(report)).Dispose();
                JsonDocument.Parse(SarifReport.Write(report)).Dispose();
                // What no machine can have need not be writable; all else is.
                if (report.Documents[0].Document.Configuration is not null
                    && !report.Documents[0].Findings.Any(finding => finding.RuleId.StartsWith("CFG.", StringComparison.Ordinal)))
                {
                    Assert.Equal(0, Corrections.Make(report, report.Documents[0], "corrected").Left.Count.Errors);
                }
            },
            iter: 1000);
    }

    [Fact]
    public void A_text_without_a_configuration_cannot_be_corrected()
    {
        CheckReport report = SampleReport.Make("rhel7", ("bad.xml", "<domain"));
        ConfigurationException error = Assert.Throws<ConfigurationException>(() => Corrections.Make(report, report.Documents[0], "x"));
        Assert.Contains("'bad.xml' cannot be used", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_in_other_encodings_have_their_lines()
    {
        byte[] wide = Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("<?xml version='1.0' encoding='UTF-16'?>\r\n" + SampleReport.Guest)).ToArray();
        CheckReport report = SampleReport.Add(SampleReport.Make("rhel7"), "wide.xml", wide);
        CheckedDocument document = report.Documents[0];
        Assert.True(document.Count.Errors == 0, TextReport.Write(report, new TextReportSettings(80, false, false)));
        ReportEntry entry = document.Entries[0];
        Assert.Equal("iothreads", document.Text.Line(entry.Position.Line)!.Substring(entry.Position.Column - 1, document.Text.TokenLength(entry.Position)));
    }

    [Fact]
    public void Every_rule_has_a_page_and_a_place_in_the_list()
    {
        RestrictionProfile[] profiles = [.. RestrictionProfile.Names.Select(RestrictionProfile.Get)];
        TextReportSettings settings = new(80, false, false);
        string list = RulePages.WriteList(ReportRules.All, profiles, settings);
        foreach (Rule rule in ReportRules.All)
        {
            Assert.Contains($"{rule.Id}  {rule.Title}\n", list, StringComparison.Ordinal);
            string page = RulePages.WritePage(rule, profiles, settings);
            Assert.Contains("  looks at  ", page, StringComparison.Ordinal);
            Assert.Contains("rhel7: ", page, StringComparison.Ordinal);
        }

        JsonElement json = JsonDocument.Parse(RuleJson.Write(ReportRules.All, profiles)).RootElement;
        JsonElement vcpu = Assert.Single(json.GetProperty("rules").EnumerateArray(), rule => rule.GetProperty("id").GetString() == "C2.VCPU");
        JsonElement old = Assert.Single(vcpu.GetProperty("profiles").EnumerateArray(), profile => profile.GetProperty("profile").GetString() == "rhel7.0");
        Assert.Equal(("refusal", 160), (old.GetProperty("severity").GetString(), old.GetProperty("limit").GetInt32()));
        Assert.Equal("C2.VCPU", ReportRules.Get("c2.vcpu").Id);
        Assert.Contains("did you mean 'C2.VCPU'", Assert.Throws<ConfigurationException>(() => ReportRules.Get("C2.VCPUS")).Message, StringComparison.Ordinal);
    }

    [GeneratedRegex("<(/?)([a-z0-9]+)[^>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(" id=\"([^\"]*)\"")]
    private static partial Regex Id();

    [GeneratedRegex(" href=\"#([^\"]*)\"")]
    private static partial Regex Link();
}
