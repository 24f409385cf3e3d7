using System.Diagnostics;

namespace Nacelle.Cpu.Tests;

public sealed class TimestampCalibrationTests
{
    [Fact]
    public void The_frequency_agrees_with_the_monotonic_clock_over_a_longer_time()
    {
        // A preemption between two reads spoils a measurement, on a busy host many; a wrong frequency spoils all.
        List<string> seen = [];
        for (int attempt = 0; attempt < 20; attempt++)
        {
            (double counted, double passed) = Measure();
            seen.Add($"{counted:F6} s by the counter took {passed:F6} s");
            if (Math.Abs(passed - counted) < counted / 200)
            {
                return;
            }
        }

        Assert.Fail($"at {TimestampCalibration.Frequency} Hz: {string.Join("; ", seen)}");
    }

    private static (double Counted, double Passed) Measure()
    {
        ulong frequency = TimestampCalibration.Frequency;
        ulong start = HostTimestamp.Read();
        long startTime = Stopwatch.GetTimestamp();
        while (HostTimestamp.Read() - start < frequency / 10)
        {
            Thread.SpinWait(100);
        }

        double passed = Stopwatch.GetElapsedTime(startTime).TotalSeconds;
        return ((HostTimestamp.Read() - start) / (double)frequency, passed);
    }
}
