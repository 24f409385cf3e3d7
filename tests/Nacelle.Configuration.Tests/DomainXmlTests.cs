using System.Text;

namespace Nacelle.Configuration.Tests;

/// <summary>Domain XML and JSON over the corpus: what was read is what is written.</summary>
public sealed class DomainXmlTests
{
    public static TheoryData<string> Corpus => [.. CorpusFiles.Xml];

    [Theory]
    [MemberData(nameof(Corpus))]
    public void Everything_is_understood(string name)
    {
        MachineDocument document = DomainXmlDocument.Read(CorpusFiles.Read(name));
        Assert.True(document.Configuration is not null, string.Join("\n", document.Problems));
        Assert.True(document.Unknown.IsEmpty, string.Join("\n", document.Unknown));
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public void What_is_written_reads_back_the_same(string name)
    {
        MachineConfiguration first = DomainXmlDocument.Read(CorpusFiles.Read(name)).Configuration!;
        string xml = DomainXmlDocument.Write(first);
        MachineDocument second = DomainXmlDocument.Read(Encoding.UTF8.GetBytes(xml));
        Assert.True(second.Configuration is not null, string.Join("\n", second.Problems) + "\n" + xml);
        Assert.Empty(second.Unknown);
        string json = MachineConfigurationJson.Write(first);
        Assert.Equal(json, MachineConfigurationJson.Write(second.Configuration));
        Assert.Equal(xml, DomainXmlDocument.Write(second.Configuration));

        MachineDocument third = MachineConfigurationJson.Read(Encoding.UTF8.GetBytes(json));
        Assert.True(third.Configuration is not null, string.Join("\n", third.Problems) + "\n" + json);
        Assert.Equal(json, MachineConfigurationJson.Write(third.Configuration));
        Assert.Equal(xml, DomainXmlDocument.Write(third.Configuration));
    }
}
