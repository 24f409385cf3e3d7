using System.Text;
using System.Text.Json.Nodes;
using CsCheck;

namespace Nacelle.Configuration.Tests;

/// <summary>Host facts as text, from friends and from strangers.</summary>
public sealed class HostFactsDocumentTests
{
    private static readonly string s_sample = HostFactsDocument.Format(SampleHost.Make());

    [Fact]
    public void What_is_written_is_read_as_the_same()
    {
        HostFacts facts = Parse(s_sample);
        Assert.Equal(s_sample, HostFactsDocument.Format(facts));
        Assert.Equal(s_sample, HostFactsDocument.Format(Parse("\uFEFF" + s_sample)));
    }

    [Fact]
    public void No_member_may_be_left_out()
    {
        int tried = 0;
        foreach ((string path, JsonObject parent, string name) in Members(JsonNode.Parse(s_sample)!))
        {
            JsonNode? value = parent[name];
            parent.Remove(name);
            string text = parent.Root.ToJsonString();
            parent[name] = value;
            ConfigurationException error = Assert.Throws<ConfigurationException>(() => Parse(text));
            Assert.True(error.Message.Contains(name, StringComparison.Ordinal) || path == "$.schema", $"{path}: {error.Message}");
            tried++;
        }

        Assert.True(tried > 150, $"{tried}");
    }

    [Fact]
    public void No_member_may_be_added_anywhere_or_come_twice()
    {
        foreach (JsonObject parent in Members(JsonNode.Parse(s_sample)!).Select(member => member.Parent).Distinct())
        {
            parent["colour"] = "blue";
            string text = parent.Root.ToJsonString();
            parent.Remove("colour");
            ConfigurationException error = Assert.Throws<ConfigurationException>(() => Parse(text));
            Assert.Contains("colour", error.Message, StringComparison.Ordinal);
        }

        string twice = s_sample.Replace("\"vendor\":", "\"vendor\": \"GenuineIntel\", \"vendor\":", StringComparison.Ordinal);
        Assert.Contains("'sample' is not valid at $.cpu", Refusal(twice), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"family\": 25", "\"family\": 2500", "at $.cpu.family: 2500 is not from 0 to 270")]
    [InlineData("\"family\": 25", "\"family\": \"x\"", "at $.cpu.family")]
    [InlineData("\"family\": 25", "\"family\": 2.5", "at $.cpu.family")]
    [InlineData("\"vendor\": \"AuthenticAMD\"", "\"vendor\": \"AMD\"", "at $.cpu.vendor: a vendor has 12 characters")]
    [InlineData("\"noExecute\": \"in-force\"", "\"noExecute\": \"maybe\"", "at $.cpu.noExecute")]
    [InlineData("\"noExecute\": \"in-force\"", "\"noExecute\": 0", "at $.cpu.noExecute")]
    [InlineData("\"onlineCpus\": \"0-255\"", "\"onlineCpus\": \"0-9000\"", "'0-9000' is not a list of processors")]
    [InlineData("\"onlineCpus\": \"0-255\"", "\"onlineCpus\": null", "at $.cpu.onlineCpus")]
    [InlineData("\"address\": \"0000:3b:00.0\"", "\"address\": \"../../etc\"", "at $.pciDevices[0].address")]
    [InlineData("\"path\": \"/dev/sda\"", "\"path\": \"/etc/passwd\"", "at $.blockDevices[0].path")]
    [InlineData("\"logicalSectorBytes\": 512", "\"logicalSectorBytes\": 513", "at $.blockDevices[0].logicalSectorBytes")]
    [InlineData("\"number\": 0,", "\"number\": -1,", "at $.numaNodes[0].number")]
    [InlineData("\"version\": 1", "\"version\": 2", "has version 2 of nacelle-host-facts, and this program reads version 1")]
    [InlineData("\"version\": 1", "\"version\": \"1\"", "$.version is missing or no number")]
    [InlineData("\"schema\": \"nacelle-host-facts\"", "\"schema\": \"shopping-list\"", "holds no host facts")]
    [InlineData("\"0x00000001 0x00: eax", "\"0x1 0x00: eax", "is not an answer of CPUID")]
    [InlineData("\"hostName\": \"sample\"", "\"hostName\": \"\\u001b[2J\"", "control character")]
    [InlineData("\"hostName\": \"sample\"", "\"hostName\": \"\"", "at $.hostName: it is empty")]
    [InlineData("\"mountPoint\": \"/\"", "\"mountPoint\": \"etc\"", "at $.mounts[0].mountPoint")]
    [InlineData("\"features\": [", "\"features\": [ null, ", "at $.cpu.features")]
    [InlineData("\"mounts\": [", "\"mounts\": [ null, ", "at $.mounts[0]: null")]
    public void What_is_wrong_is_named_with_its_place(string old, string wrong, string expected)
    {
        int at = s_sample.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0, $"the sample has no {old}:\n{s_sample}");
        string message = Refusal(s_sample[..at] + wrong + s_sample[(at + old.Length)..]);
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{")]
    [InlineData("nacelle")]
    [InlineData("{\"schema\":\"nacelle-host-facts\"}")]
    [InlineData("{\"schema\":\"nacelle-host-facts\",\"version\":1}")]
    [InlineData("{\"schema\":\"nacelle-host-facts\",\"version\":1e400}")]
    public void Other_documents_are_refused(string text) => Assert.StartsWith("'sample' ", Refusal(text), StringComparison.Ordinal);

    [Fact]
    public void Size_depth_and_length_are_bounded()
    {
        Assert.Contains("more than 16 MiB", Refusal(new string(' ', HostFactsDocument.LargestDocument + 1)), StringComparison.Ordinal);
        Assert.StartsWith("'sample' is not valid", Refusal(new string('[', 100_000)), StringComparison.Ordinal);
        Assert.Contains("a list of more than", Refusal($"[{string.Join(',', Enumerable.Repeat("1", 20_000))}]"), StringComparison.Ordinal);
        Assert.Contains("a text of more than", Refusal($"\"{new string('x', 20_000)}\""), StringComparison.Ordinal);
        Assert.StartsWith("'sample' ", Refusal("\xFF\xFE", Encoding.Latin1), StringComparison.Ordinal);
        Assert.StartsWith("'sample' ", Refusal("\"\xFF\"", Encoding.Latin1), StringComparison.Ordinal);
        Assert.StartsWith("'sample' ", Refusal("\"\\uD800\""), StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_documents_are_read_or_refused_and_nothing_else()
    {
        byte[] whole = Encoding.UTF8.GetBytes(s_sample);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, 40]).Sample(
            damage =>
            {
                (int at, byte value, int cut) = damage;
                byte[] bytes = [.. whole.AsSpan(0, at), value, .. whole.AsSpan(Math.Min(at + cut, whole.Length))];
                try
                {
                    HostFactsDocument.Format(HostFactsDocument.Parse(bytes, "sample"));
                }
                catch (ConfigurationException)
                {
                    // Refused.
                }
            },
            iter: 3000);
    }

    [Theory]
    [InlineData("0-3,8", "0-3,8", 5)]
    [InlineData("8,0,1,2,3,1-2", "0-3,8", 5)]
    [InlineData("", "", 0)]
    [InlineData("8191", "8191", 1)]
    public void Lists_of_processors_are_read(string text, string canonical, int count)
    {
        CpuSet cpus = CpuSet.TryParse(text)!;
        Assert.Equal(canonical, cpus.ToString());
        Assert.Equal(count, cpus.Count);
        Assert.Equal(cpus, CpuSet.TryParse(cpus.ToString()));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("1-")]
    [InlineData("-1")]
    [InlineData("3-1")]
    [InlineData("0,,1")]
    [InlineData("8192")]
    [InlineData("0-99999999999")]
    [InlineData(" 1 2")]
    public void Other_lists_are_not(string text) => Assert.Null(CpuSet.TryParse(text));

    private static HostFacts Parse(string text) => HostFactsDocument.Parse(Encoding.UTF8.GetBytes(text), "sample");

    private static string Refusal(string text, Encoding? encoding = null) =>
        Assert.Throws<ConfigurationException>(() => HostFactsDocument.Parse((encoding ?? Encoding.UTF8).GetBytes(text), "sample")).Message;

    private static IEnumerable<(string Path, JsonObject Parent, string Name)> Members(JsonNode node) => node switch
    {
        JsonObject parent => parent.ToArray().SelectMany(member => Members(member.Value ?? JsonValue.Create(0)).Prepend((parent[member.Key]?.GetPath() ?? member.Key, parent, member.Key))),
        JsonArray items => items.Take(2).Where(item => item is not null).SelectMany(item => Members(item!)),
        _ => [],
    };
}
