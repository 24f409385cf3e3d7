namespace Nacelle.Kvm.Tests;

public class KvmHostTests
{
    [KvmFact]
    public void FactsAreThoseOfAUsableKernel()
    {
        KvmFacts facts = KvmHost.Probe().Facts!;

        Assert.Equal(12, facts.ApiVersion);
        Assert.Null(facts.Missing);
        Assert.InRange(facts.MaximumVcpus, facts.RecommendedVcpus, int.MaxValue);
    }

    [Fact]
    public void AMissingDeviceIsAbsentAndSaysWhatToDo()
    {
        KvmProbe probe = KvmHost.Probe("/nonexistent/kvm");

        Assert.Equal(KvmAvailability.Absent, probe.Availability);
        Assert.Contains("/nonexistent/kvm does not exist", probe.Reason, StringComparison.Ordinal);
        Assert.Contains("load kvm_intel or kvm_amd", probe.Reason, StringComparison.Ordinal);
        Assert.Null(probe.Facts);
    }

    [Fact]
    public void ADeviceThatIsNotKvmIsInsufficient() =>
        Assert.Equal(KvmAvailability.Insufficient, KvmHost.Probe("/dev/null").Availability);
}
