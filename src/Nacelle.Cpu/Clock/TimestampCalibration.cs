using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace Nacelle.Cpu;

/// <summary>How fast the host's time-stamp counter ticks. Found once, on first use; safe from any thread.</summary>
public static class TimestampCalibration
{
    private static readonly Lazy<Sample> _first = new(TakeFirst);
    private static readonly Lazy<ulong> _frequency = new(Find);

    /// <summary>Hertz. From CPUID where the host says it, else measured for 10 ms at least against the monotonic clock.</summary>
    public static ulong Frequency => _frequency.Value;

    /// <summary>
    /// Begins to measure, unless CPUID says how fast it ticks. Called early, other work fills the time that a measurement takes.
    /// </summary>
    public static void Begin()
    {
        if (Ask() is null)
        {
            _ = _first.Value;
        }
    }

    private static ulong Find() => Ask() ?? Measure();

    /// <summary>What CPUID says, or null.</summary>
    private static ulong? Ask()
    {
        if ((uint)X86Base.CpuId(0, 0).Eax >= 0x15)
        {
            // SDM volume 2, CPUID leaf 15H: crystal hertz × EBX ÷ EAX.
            (int denominator, int numerator, int crystal, _) = X86Base.CpuId(0x15, 0);
            if (denominator != 0 && numerator != 0 && crystal != 0)
            {
                return (ulong)(uint)crystal * (uint)numerator / (uint)denominator;
            }
        }

        // A hypervisor's timing leaf: kilohertz of the counter in EAX.
        if ((X86Base.CpuId(1, 0).Ecx & (1 << 31)) != 0 && (uint)X86Base.CpuId(0x4000_0000, 0).Eax >= 0x4000_0010)
        {
            uint kilohertz = (uint)X86Base.CpuId(0x4000_0010, 0).Eax;
            if (kilohertz > 100_000)
            {
                return kilohertz * 1000UL;
            }
        }

        return null;
    }

    private static ulong Measure()
    {
        Sample first = _first.Value;
        long wait = Stopwatch.Frequency / 100;
        while (Stopwatch.GetTimestamp() - first.Time < wait)
        {
            Thread.SpinWait(20);
        }

        Sample last = TakeSample();
        return (ulong)((last.Ticks - first.Ticks) * (double)Stopwatch.Frequency / (last.Time - first.Time));
    }

    private static Sample TakeFirst()
    {
        // Once for nothing: the first use of either clock prepares it, which takes longer than the measurement.
        _ = TakeSample();
        return TakeSample();
    }

    /// <summary>Both clocks at one instant: of several tries the one in which the least time passed between two looks.</summary>
    private static Sample TakeSample()
    {
        Sample best = default;
        long tightest = long.MaxValue;
        for (int attempt = 0; attempt < 10; attempt++)
        {
            long before = Stopwatch.GetTimestamp();
            ulong ticks = HostTimestamp.Read();
            long after = Stopwatch.GetTimestamp();
            if (after - before < tightest)
            {
                tightest = after - before;
                best = new Sample(before + (tightest / 2), ticks);
            }
        }

        return best;
    }

    private readonly record struct Sample(long Time, ulong Ticks);
}
