using System.Diagnostics;

namespace Nacelle.Kvm.Tests;

public class AcceleratorCalibrationTests
{
    [KvmFact]
    public void TheLoopIsTimedAndJudged()
    {
        CalibrationResult result = AcceleratorCalibration.Run();

        TestContext.Current.TestOutputHelper?.WriteLine(result.Reason);
        Assert.NotNull(result.NanosecondsPerInstruction);
        Assert.InRange(result.NanosecondsPerInstruction.Value, 0.01, 1_000_000);
        Assert.Equal(result.NanosecondsPerInstruction <= AcceleratorCalibration.Threshold, result.IsUsable);
        Assert.DoesNotContain('\n', result.Reason);
    }

    [KvmFact]
    [Trait("Timing", "Host")]
    public void ItIsOverSoon()
    {
        AcceleratorCalibration.Run();
        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < 5; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            AcceleratorCalibration.Run();
            TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
            best = elapsed < best ? elapsed : best;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"best of five: {best.TotalMilliseconds:0.0} ms");
        Assert.InRange(best.TotalMilliseconds, 0, 60);
    }

    [Theory]
    [InlineData(0.3, KvmVerdict.Usable)]
    [InlineData(5, KvmVerdict.Usable)]
    [InlineData(100, KvmVerdict.Usable)]
    [InlineData(101, KvmVerdict.EmulatedSlow)]
    [InlineData(1000, KvmVerdict.EmulatedSlow)]
    public void TheThresholdDecides(double nanoseconds, KvmVerdict expected) =>
        Assert.Equal(expected, AcceleratorCalibration.Judge(nanoseconds).Verdict);
}
