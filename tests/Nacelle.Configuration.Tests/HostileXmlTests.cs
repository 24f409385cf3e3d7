using System.Diagnostics;
using System.Text;
using CsCheck;

namespace Nacelle.Configuration.Tests;

/// <summary>XML that must be refused, with the place that is to blame.</summary>
public sealed class HostileXmlTests
{
    private static readonly string s_folder = Path.Combine(CorpusFiles.Folder, "Hostile");

    public static TheoryData<string> Files =>
        [.. Directory.EnumerateFiles(s_folder, "*.xml").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Bad_input_is_refused_where_it_is_bad(string name)
    {
        string expected = File.ReadAllText(Path.Combine(s_folder, Path.ChangeExtension(name, ".expected"))).Trim();
        string position = expected[..expected.IndexOf(' ', StringComparison.Ordinal)];
        string[] found = [.. Refusals(File.ReadAllBytes(Path.Combine(s_folder, name)))];
        Assert.True(found.Any(line => line.StartsWith(position + ": ", StringComparison.Ordinal)), $"expected {expected}\nfound:\n{string.Join("\n", found)}");
    }

    [Fact]
    public void Size_depth_and_number_are_bounded()
    {
        string deep = string.Concat(Enumerable.Repeat("<a>", 100_000));
        string many = "<domain type='kvm'><devices>" + string.Concat(Enumerable.Repeat("<disk/>", 300_000)) + "</devices></domain>";
        string attributes = "<domain " + string.Join(' ', Enumerable.Range(0, 100_000).Select(i => $"a{i}='1'")) + "/>";
        string[] documents =
        [
            $"<domain type='kvm'><devices>{deep}", $"<domain type='kvm'><metadata>{deep}",
            $"<domain type='{new string('x', 5 << 20)}'/>", $"<domain type='kvm'><name>{new string('x', 5 << 20)}</name></domain>",
            $"<domain type='kvm'><!--{new string('x', 5 << 20)}--></domain>", many, attributes,
        ];
        foreach (string document in documents)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Stopwatch time = Stopwatch.StartNew();
            MachineDocument read = DomainXmlDocument.Read(Encoding.UTF8.GetBytes(document));
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            string start = document[..Math.Min(60, document.Length)];
            Assert.True(read.Configuration is null || read.Unknown.Length != 0, $"{start}: taken");
            Assert.True(read.Problems.Length <= 100, $"{start}: {read.Problems.Length} problems");
            Assert.True(allocated < 600L << 20, $"{start}: {allocated >> 20} MiB in {time.Elapsed}");
        }
    }

    [Theory]
    [InlineData("<target/>")]
    [InlineData("<target></target>")]
    [InlineData("<target bus='virtio'/>")]
    public void A_disk_without_a_name_is_refused(string target)
    {
        string xml = $"<domain type='kvm'><name>a</name><os><type>hvm</type></os><devices><disk><source file='/a'/>{target}</disk></devices></domain>";
        MachineDocument document = DomainXmlDocument.Read(Encoding.UTF8.GetBytes(xml));
        Assert.Contains("<target> has no attribute 'dev'", Assert.Single(document.Problems).Message, StringComparison.Ordinal);
    }

    /// <summary>Damaged guests are read or refused, nothing else; what is read is what is written.</summary>
    [Fact]
    public void Damage_is_refused_or_read_and_never_more()
    {
        byte[][] corpus = [.. CorpusFiles.Xml.Select(CorpusFiles.Read)];
        string[] words = ["<", ">", "/>", "'", "\"", "&", "<!--", "]]>", "<disk/>", "-1", "99999999999999999999", " type='pci'", "\0", "é", "xmlns:a='b' a:c='d'"];
        Gen.Select(Gen.Int[0, corpus.Length - 1], Gen.Select(Gen.Int[0, int.MaxValue - 1], Gen.Int[0, 40], Gen.Int[0, words.Length - 1]).Array[1, 4]).Sample(
            (file, edits) =>
            {
                List<byte> text = [.. corpus[file]];
                foreach ((int place, int cut, int word) in edits)
                {
                    int at = place % text.Count;
                    text.RemoveRange(at, Math.Min(cut, text.Count - at - 1));
                    text.InsertRange(at, Encoding.UTF8.GetBytes(words[word]));
                }

                MachineDocument document = DomainXmlDocument.Read([.. text]);
                if (document.Configuration is { } machine)
                {
                    string json = MachineConfigurationJson.Write(machine);
                    MachineDocument again = DomainXmlDocument.Read(Encoding.UTF8.GetBytes(DomainXmlDocument.Write(machine)));
                    Assert.True(again.Configuration is not null, string.Join("\n", again.Problems));
                    Assert.Equal(json, MachineConfigurationJson.Write(again.Configuration));
                    _ = RuleChecker.Check(new RuleContext { Document = document, Operations = [.. Enum.GetValues<MachineOperation>()] }, RestrictionProfile.Get("rhel7-guide"));
                    Assert.ThrowsAny<MachineRefusedException>(() => MachineDescriptionMaker.Make(document));
                }
            },
            iter: 3000);
    }

    [Theory]
    [MemberData(nameof(UnitLines))]
    public void Units_are_those_of_libvirt(string number, string unit, string bytes)
    {
        string attribute = unit == "-" ? "" : $" unit='{unit}'";
        string document = $"<domain type='kvm'><name>a</name><memory{attribute}>{number}</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>";
        MachineDocument read = DomainXmlDocument.Read(Encoding.UTF8.GetBytes(document));
        string seen = read.Configuration is { Memory: ulong value } ? value.ToString(System.Globalization.CultureInfo.InvariantCulture) : "refused";
        Assert.True(seen == bytes, $"{number} {unit}: {seen}, and {bytes} was expected; {string.Join("; ", read.Problems)}");
    }

    public static TheoryData<string, string, string> UnitLines()
    {
        TheoryData<string, string, string> lines = [];
        foreach (string[] words in File.ReadLines(Path.Combine(s_folder, "units.txt")).Where(line => line.Length != 0 && line[0] != '#').Select(line => line.Split(' ')))
        {
            lines.Add(words[0], words[1], words[2]);
        }

        return lines;
    }

    private static IEnumerable<string> Refusals(byte[] text)
    {
        MachineDocument document = DomainXmlDocument.Read(text);
        foreach (ConfigurationProblem problem in document.Problems)
        {
            yield return $"{problem.Position}: {problem.Message}";
        }

        foreach (UnknownPart part in document.Unknown)
        {
            yield return $"{part.Place.Position}: {part.Place.Label}";
        }

        if (document.Configuration is not null)
        {
            foreach (Finding finding in RuleChecker.Check(new RuleContext { Document = document }, RestrictionProfile.Get("none")))
            {
                yield return $"{finding.Place?.Position}: {finding}";
            }
        }
    }
}
