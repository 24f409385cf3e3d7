using System.Text;

namespace Nacelle.Configuration.Tests;

/// <summary>Errors in JSON speak of the text, never of the program's types.</summary>
public sealed class JsonErrorTests
{
    [Theory]
    [InlineData("""{"memroy":1}""", "unknown member 'memroy': did you mean 'memory'?")]
    [InlineData("""{"vcpu":{"maximun":2}}""", "unknown member 'maximun': did you mean 'maximum'?")]
    [InlineData("""{"devices":{"disks":[{"taregtName":"vda"}]}}""", "unknown member 'taregtName': did you mean 'targetName'?")]
    [InlineData("""{"vcpu":{"entirelyElse":2}}""", "unknown member 'entirelyElse'")]
    [InlineData("""{"vcpu":{"maximum":"two"}}""", "$.vcpu.maximum: a whole number in range is expected")]
    [InlineData("""{"vcpu":[]}""", "$.vcpu: an object is expected")]
    [InlineData("""{"devices":{"disks":{}}}""", "$.devices.disks: a list is expected")]
    [InlineData("""{"name":1}""", "$.name: a text in quotes is expected")]
    [InlineData("""[]""", "an object is expected here")]
    public void A_mistake_is_named_in_words_of_the_text(string json, string expected)
    {
        MachineDocument document = MachineConfigurationJson.Read(Encoding.UTF8.GetBytes(json));
        string message = Assert.Single(document.Problems).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", message, StringComparison.Ordinal);
        Assert.DoesNotContain("Nacelle.", message, StringComparison.Ordinal);
    }
}
