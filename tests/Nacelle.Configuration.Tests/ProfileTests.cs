using System.Text;
using System.Text.RegularExpressions;

namespace Nacelle.Configuration.Tests;

/// <summary>Profiles and the list of rules.</summary>
public sealed partial class ProfileTests
{
    /// <summary>Ids of the page's rows, and of those that its notes add.</summary>
    private static readonly string[] s_rows =
    [
        "C2.VCPU", "C2.NESTED", "C2.TCG", "C2.TSC", "C2.SCSI", "C2.IDE", "C2.PCI", "C2.ASSIGN", "C2.MIG-CPU", "C2.MIG-NX", "C2.MIG-CACHE",
        "C2.WHOLEDISK", "C2.SNAPSHOT", "C2.BLOCKJOB", "C2.THROTTLE", "C2.IOTHREAD", "C2.MEMHOTPLUG", "C2.VHOSTUSER", "C2.CPUUNPLUG", "C2.PCINUMA",
        "C2.DUMP", "C2.RT", "C2.BACKENDS", "C2.NESTED-MIG", "C2.PCI-HOTPLUG-MF",
    ];

    [Fact]
    public void Each_row_has_a_rule_and_each_rule_is_in_a_profile()
    {
        Assert.All(s_rows, id => Assert.True(RuleCatalogue.Find(id) is not null, $"{id} has no rule"));
        Assert.All(RuleCatalogue.All, rule => Assert.True(
            RestrictionProfile.Names.Any(name => RestrictionProfile.Get(name).Rules.ContainsKey(rule.Id)), $"{rule.Id} is in no profile"));
        Assert.Equal(RuleCatalogue.Ids.Length, RuleCatalogue.Ids.Distinct().Count());
        Assert.All(RuleCatalogue.All, rule => Assert.Matches(IdPattern(), rule.Id));
    }

    [Fact]
    public void Profiles_are_those_of_the_page()
    {
        Assert.Equal(240, RestrictionProfile.Get("rhel7").Rules["C2.VCPU"].Limit);
        Assert.Equal(160, RestrictionProfile.Get("rhel7.0").Rules["C2.VCPU"].Limit);
        Assert.Equal(384, RestrictionProfile.Get("rhev").Rules["C2.VCPU"].Limit);
        Assert.Equal(FindingSeverity.Notice, RestrictionProfile.Get("rhel7").Rules["C2.NESTED"].Severity);
        Assert.Equal(FindingSeverity.Refusal, RestrictionProfile.Get("rhel7.0").Rules["C2.NESTED"].Severity);
        foreach (string lifted in (string[])["C2.BLOCKJOB", "C2.SNAPSHOT", "C2.THROTTLE", "C2.IOTHREAD", "C2.MEMHOTPLUG", "C2.VHOSTUSER", "C2.CPUUNPLUG", "C2.PCINUMA"])
        {
            Assert.True(RestrictionProfile.Get("rhel7").Rules.ContainsKey(lifted), lifted);
            Assert.False(RestrictionProfile.Get("rhev").Rules.ContainsKey(lifted), lifted);
        }

        foreach (string kept in (string[])["C2.SCSI", "C2.IDE", "C2.PCI", "C2.ASSIGN", "C2.MIG-CPU", "C2.MIG-NX", "C2.MIG-CACHE", "C2.WHOLEDISK", "C2.DUMP", "C2.RT"])
        {
            Assert.True(RestrictionProfile.Get("rhev").Rules.ContainsKey(kept), kept);
        }
    }

    [Theory]
    [InlineData("""{"name":"site","basis":"rhel7","rules":{"C2.VCPU":{"limit":64},"C2.TSC":{"severity":"refusal"},"C2.NESTED-MIG":{}}}""", null)]
    [InlineData("""{"name":"site","basis":"rhel7","rules":{"C2.VCPU":{"limit":256}}}""", "profile 'x': C2.VCPU: limit 256 is more than 240 of the profile that it is based on, which it can only narrow")]
    [InlineData("""{"name":"site","basis":"rhel7","rules":{"C2.RT":{"severity":"warning"}}}""", "profile 'x': C2.RT: 'warning' is less than 'refusal' of the profile that it is based on, which it can only narrow: leave it out, or base it on another")]
    [InlineData("""{"name":"site","basis":"rhel7","rules":{"C2.MIG-CACHE":{"literal":false}}}""", "profile 'x': C2.MIG-CACHE: the profile that it is based on is literal, and it can only narrow that")]
    [InlineData("""{"name":"site","basis":"rhel8"}""", "unknown profile 'rhel8': did you mean 'rhel7'? Use none, rhel7, rhel7.0, rhev or rhel7-guide")]
    [InlineData("""{"basis":"rhel7"}""", "profile 'x' has no name: give \"name\"")]
    [InlineData("""{"name":"site","rule":{}}""", "profile 'x', line 1, $.rule: not a profile: a name, a basis, and rules by id with severity, limit or literal")]
    [InlineData("""{"name":"site","rules":{"C2.VPCU":{}}}""", "profile 'x': unknown rule 'C2.VPCU': did you mean 'C2.VCPU'?")]
    [InlineData("null", "profile 'x' is null: a profile is an object")]
    public void A_profile_of_a_site_narrows_and_never_widens(string text, string? refusal)
    {
        if (refusal is null)
        {
            RestrictionProfile profile = RestrictionProfile.Parse(Encoding.UTF8.GetBytes(text), "x");
            Assert.Equal(64, profile.Rules["C2.VCPU"].Limit);
            Assert.Equal(FindingSeverity.Refusal, profile.Rules["C2.TSC"].Severity);
            Assert.Equal(FindingSeverity.Refusal, profile.Rules["C2.NESTED-MIG"].Severity);
            Assert.Equal(FindingSeverity.Refusal, profile.Rules["C2.RT"].Severity);
        }
        else
        {
            ConfigurationException error = Assert.Throws<ConfigurationException>(() => RestrictionProfile.Parse(Encoding.UTF8.GetBytes(text), "x"));
            Assert.StartsWith(refusal, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_rule_is_overridden_only_where_that_is_meant()
    {
        MachineDocument document = DomainXmlDocument.Read("<domain type='qemu'><name>a</name><memory>2048</memory><os><type>hvm</type></os></domain>"u8.ToArray());
        RuleContext context = new() { Document = document };
        RestrictionProfile profile = RestrictionProfile.Get("rhel7");
        Assert.Equal(FindingSeverity.Refusal, Assert.Single(RuleChecker.Check(context, profile)).Severity);
        Finding overridden = Assert.Single(RuleChecker.Check(context, profile, "C2.TCG"));
        Assert.Equal(FindingSeverity.Warning, overridden.Severity);
        Assert.Contains("unsupported", overridden.Reason, StringComparison.Ordinal);
        Assert.Throws<ConfigurationException>(() => RuleChecker.Check(context, profile, "C2.VCPU"));
        Assert.Throws<ConfigurationException>(() => RuleChecker.Check(context, profile, "C2.NO"));
    }

    [GeneratedRegex("^(C2|CFG|MIG|TRAP)\\.[A-Z0-9-]+$")]
    private static partial Regex IdPattern();
}
