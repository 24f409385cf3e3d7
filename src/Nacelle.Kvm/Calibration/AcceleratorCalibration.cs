using System.Diagnostics;
using System.Globalization;
using Nacelle.Cpu;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Kvm;

/// <summary>Whether KVM is worth using on this host.</summary>
public enum KvmVerdict
{
    /// <summary>Guest kernel code runs at the processor's own speed.</summary>
    Usable,

    /// <summary>KVM works, but guest kernel code goes through an instruction emulator.</summary>
    EmulatedSlow,

    /// <summary>There is no KVM, or it lacks what is needed, or it fails to run a VM.</summary>
    Absent,

    /// <summary>This user may not use it.</summary>
    NoPermission,
}

/// <summary>What a calibration found.</summary>
/// <param name="Verdict">Whether to use KVM.</param>
/// <param name="Reason">One line for a person.</param>
/// <param name="NanosecondsPerInstruction">At guest ring 0, in a loop of decrement and jump; null where nothing ran.</param>
public sealed record CalibrationResult(KvmVerdict Verdict, string Reason, double? NanosecondsPerInstruction = null)
{
    /// <summary>Whether <c>--accel auto</c> takes KVM.</summary>
    public bool IsUsable => Verdict == KvmVerdict.Usable;
}

/// <summary>
/// Times a short loop at guest ring 0. That /dev/kvm opens says little: there are hosts whose KVM runs guest user mode
/// natively and guest kernel mode through an instruction emulator, some 1000 times slower.
/// </summary>
/// <remarks>Safe from any thread. Takes about 2 ms on a host with hardware virtualisation, 20 ms on such a one.</remarks>
public static class AcceleratorCalibration
{
    /// <summary>
    /// Nanoseconds per instruction above which the translator is faster. An emulator needs about 1000, the slowest hardware
    /// 1, hardware that is itself emulated about 5.
    /// </summary>
    public const double Threshold = 100;

    private const int Iterations = 2000;
    private const int InstructionsPerIteration = 2;

    // A scheduler that takes the processor away makes a run look slow, never fast: the best of some decides.
    private const int Attempts = 3;

    /// <summary>Measures.</summary>
    public static CalibrationResult Run()
    {
        KvmProbe probe = KvmHost.Probe();
        if (probe.Availability != KvmAvailability.Available)
        {
            KvmVerdict verdict = probe.Availability == KvmAvailability.NoPermission
                ? KvmVerdict.NoPermission
                : KvmVerdict.Absent;
            return new CalibrationResult(verdict, probe.Reason);
        }

        try
        {
            return Measure() is double nanoseconds
                ? Judge(nanoseconds)
                : new CalibrationResult(
                    KvmVerdict.Absent, $"{KvmHost.DevicePath} opens but did not run a loop of two instructions to its end");
        }
        catch (Exception error) when (error is LinuxException or PlatformNotSupportedException)
        {
            return new CalibrationResult(
                KvmVerdict.Absent, $"{KvmHost.DevicePath} opens but does not give a VM: {error.Message}");
        }
    }

    /// <summary>What a time per instruction means.</summary>
    internal static CalibrationResult Judge(double nanoseconds)
    {
        string figure = nanoseconds.ToString(nanoseconds < 10 ? "0.0" : "0", CultureInfo.InvariantCulture);
        return nanoseconds <= Threshold
            ? new CalibrationResult(
                KvmVerdict.Usable, $"KVM runs guest kernel code at {figure} ns an instruction", nanoseconds)
            : new CalibrationResult(
                KvmVerdict.EmulatedSlow,
                $"KVM on this host runs guest kernel code through an instruction emulator ({figure} ns an instruction, "
                + $"{Threshold.ToString("0", CultureInfo.InvariantCulture)} is the most that pays)",
                nanoseconds);
    }

    /// <returns>Nanoseconds per instruction, or null where the guest did not come to the loop's end.</returns>
    private static double? Measure()
    {
        using GuestMemory ram = new([(0, CalibrationImage.MemorySize)]);
        AddressSpace ports = new("port");
        MachineBus bus = new(ram, new AddressSpace("memory"), ports);
        using KvmAccelerator accelerator = new(bus, 1, new KvmAcceleratorOptions { InterruptControllers = false });
        CpuidTable cpuid = KvmCpuid.Supported(0, 0, 1);
        IVirtualCpu processor = accelerator.CreateVirtualCpu(new VirtualCpuConfiguration(0, 0, cpuid, null));
        LoopMarker marker = new(processor, Attempts, best => best <= Threshold * Iterations * InstructionsPerIteration);
        ports.Map(CalibrationImage.MarkerPort, 1, "calibration", marker);
        CalibrationImage.Write(ram, processor, Iterations);

        VirtualCpuExit exit = processor.Run();
        return exit.Reason == VirtualCpuExitReason.Requested && marker.Best is double best
            ? best / (Iterations * InstructionsPerIteration)
            : null;
    }

    /// <summary>Told by the guest when a loop begins and ends. On the vCPU's thread only.</summary>
    private sealed class LoopMarker(IVirtualCpu processor, int attempts, Predicate<double> isGoodEnough)
        : IAddressRangeHandler
    {
        private long _begin;
        private int _done;

        /// <summary>Nanoseconds of the fastest loop so far.</summary>
        public double? Best { get; private set; }

        public ulong Read(ulong offset, int size) => 0;

        public void Write(ulong offset, int size, ulong value)
        {
            if (value == CalibrationImage.LoopBegins)
            {
                _begin = Stopwatch.GetTimestamp();
                return;
            }

            double elapsed = Stopwatch.GetElapsedTime(_begin).TotalNanoseconds;
            Best = Math.Min(Best ?? double.MaxValue, elapsed);
            if (++_done == attempts || isGoodEnough(Best.Value))
            {
                processor.RequestExit();
            }
        }
    }
}
