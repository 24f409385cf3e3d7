using Nacelle.Cpu;

namespace Nacelle.Configuration.Tests;

public sealed class CpuOptionTests
{
    [Theory]
    [InlineData("host", "host")]
    [InlineData("max", "max")]
    [InlineData("max,+avx2,-smap,vendor=GenuineIntel", "max,+avx2,-smap,vendor=GenuineIntel")]
    [InlineData("haswell", "Haswell")]
    [InlineData("EPYC-Milan,pcid=off,sse3=on", "EPYC-Milan,+pni,-pcid")]
    [InlineData("x86-64-v3,-avx2,+avx2", "x86-64-v3,+avx2")]
    public void Values_are_read(string text, string canonical)
    {
        CpuModelSpecification specification = CpuOption.Parse(text);
        Assert.Equal(canonical, specification.Text);
        Assert.Equal(canonical, CpuOption.Parse(specification.Text).Text);
    }

    [Theory]
    [InlineData("haswel", "did you mean 'Haswell'")]
    [InlineData("", "unknown CPU model")]
    [InlineData("host,", "write +NAME")]
    [InlineData("host,avx2", "write +avx2 or -avx2")]
    [InlineData("host,+avx22", "did you mean 'avx2'")]
    [InlineData("host,vendor=Intel", "give 12 characters")]
    [InlineData("host,avx2=yes", "write avx2=on or avx2=off")]
    [InlineData("host,+avx512vbmi,-xsave", "'avx512vbmi' needs 'xsave'")]
    public void What_is_wrong_is_named(string text, string hint)
    {
        ConfigurationException error = Assert.Throws<ConfigurationException>(() => CpuOption.Parse(text));
        Assert.Contains(hint, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Features_have_one_bit_and_one_name_each()
    {
        Assert.Equal(CpuFeatures.All.Count, CpuFeatures.All.Select(feature => feature.Name).Distinct().Count());
        Assert.Equal(CpuFeatures.All.Count, CpuFeatures.All.Select(feature => (feature.Function, feature.Index, feature.Register, feature.Bit)).Distinct().Count());
        Assert.All(CpuFeatures.All, feature => Assert.True(feature.Needs is null || CpuFeatures.Find(feature.Needs) is not null, feature.Name));
    }

    [Fact]
    public void A_model_has_what_its_features_need()
    {
        foreach (CpuModel model in CpuModels.All)
        {
            foreach (CpuFeature feature in model.Features.Where(feature => feature.Needs is not null))
            {
                Assert.True(model.Features.Any(other => other.Name == feature.Needs), $"{model.Name}: {feature.Name} without {feature.Needs}");
            }
        }
    }
}
