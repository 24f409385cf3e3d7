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
/// <param name="NanosecondsPerInstruction">At guest ring 0, in a loop with a call, pushes and stores; null where nothing ran.</param>
public sealed record CalibrationResult(KvmVerdict Verdict, string Reason, double? NanosecondsPerInstruction = null)
{
    /// <summary>Whether <c>--accel auto</c> takes KVM.</summary>
    public bool IsUsable => Verdict == KvmVerdict.Usable;
}

/// <summary>
/// Times a short loop at guest ring 0. That /dev/kvm opens says little: there are hosts whose KVM runs guest user mode
/// natively and guest kernel mode through an instruction emulator, some 1000 times slower.
/// </summary>
/// <remarks>
/// Safe from any thread. Takes some 2 ms on a host with hardware virtualisation, 15 ms on such a one, and
/// <see cref="Budget"/> at most where a VM does not run at all.
/// </remarks>
public static class AcceleratorCalibration
{
    /// <summary>
    /// Nanoseconds per instruction above which the translator is faster. An emulator needs about 1000, the slowest hardware
    /// 1, hardware that is itself emulated about 5.
    /// </summary>
    public const double Threshold = 100;

    // An emulator needs 1 ms for the first, hardware less than 0.1 ms for the second, which gives the figure.
    private const int FirstIterations = 100;
    private const int FurtherIterations = 10_000;

    // A scheduler that takes the processor away makes a run look slow, never fast: the best of some decides.
    private const int Attempts = 5;

    /// <summary>How long a guest may take; one that has not counted to the end of its loop by then counts as too slow.</summary>
    public static TimeSpan Budget { get; } = TimeSpan.FromMilliseconds(500);

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
            return Measure();
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
                KvmVerdict.Usable, $"KVM runs guest kernel code at hardware speed ({figure} ns an instruction)", nanoseconds)
            : new CalibrationResult(
                KvmVerdict.EmulatedSlow,
                $"KVM on this host runs guest kernel code through an instruction emulator ({figure} ns an instruction)",
                nanoseconds);
    }

    private static CalibrationResult Measure()
    {
        GuestMemory ram = new([(0, CalibrationImage.MemorySize)]);
        KvmAccelerator? accelerator = null;
        try
        {
            AddressSpace ports = new("port");
            MachineBus bus = new(ram, new AddressSpace("memory"), ports);
            accelerator = new KvmAccelerator(bus, 1, new KvmAcceleratorOptions { InterruptControllers = false });
            IVirtualCpu processor = accelerator.CreateVirtualCpu(
                new VirtualCpuConfiguration(0, 0, accelerator.SupportedCpuid(0, 0), null));
            LoopMarker marker = new(processor);
            ports.Map(CalibrationImage.MarkerPort, 4, "calibration", marker);
            CalibrationImage.Write(ram, processor);
            return Measure(processor, marker);
        }
        finally
        {
            // The kernel takes 20 ms to end a VM, which nobody needs to wait for.
            ThreadPool.UnsafeQueueUserWorkItem(
                static parts =>
                {
                    parts.accelerator?.Dispose();
                    parts.ram.Dispose();
                },
                (accelerator, ram),
                preferLocal: false);
        }
    }

    private static CalibrationResult Measure(IVirtualCpu processor, LoopMarker marker)
    {
        VirtualCpuExit exit;
        using (Timer deadline = new(_ => processor.RequestExit(), null, Budget, Timeout.InfiniteTimeSpan))
        {
            exit = processor.Run();
        }

        string budget = Budget.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);
        return (exit.Reason, marker.Best, marker.HasBegun) switch
        {
            (VirtualCpuExitReason.Requested, double best, _) => Judge(best),
            (VirtualCpuExitReason.Requested, null, true) => new CalibrationResult(
                KvmVerdict.EmulatedSlow,
                $"KVM on this host did not run {FirstIterations * CalibrationImage.InstructionsPerIteration} guest instructions within {budget} ms"),
            (VirtualCpuExitReason.Requested, null, false) => new CalibrationResult(
                KvmVerdict.Absent, $"{KvmHost.DevicePath} opens but did not begin to run a guest within {budget} ms"),
            _ => new CalibrationResult(
                KvmVerdict.Absent,
                $"{KvmHost.DevicePath} opens but cannot run a loop of a few instructions: {exit.Detail ?? "the guest met a triple fault"}"),
        };
    }

    /// <summary>
    /// Told by the guest when it gets ready, when a loop begins and when it ends. The first two give the cost of telling,
    /// which is not the loop's. On the vCPU's thread only.
    /// </summary>
    private sealed class LoopMarker(IVirtualCpu processor) : IAddressRangeHandler
    {
        private long _ready;
        private long _begin;
        private int _iterations = FirstIterations;
        private int _done;

        /// <summary>Nanoseconds per instruction of the fastest loop so far.</summary>
        public double? Best { get; private set; }

        /// <summary>Whether the guest has said anything.</summary>
        public bool HasBegun => _ready != 0;

        public ulong Read(ulong offset, int size) => (uint)_iterations;

        public void Write(ulong offset, int size, ulong value)
        {
            switch (value)
            {
                case CalibrationImage.Ready:
                    _ready = Stopwatch.GetTimestamp();
                    break;
                case CalibrationImage.LoopBegins:
                    _begin = Stopwatch.GetTimestamp();
                    break;
                default:
                    End(Stopwatch.GetTimestamp());
                    break;
            }
        }

        private void End(long now)
        {
            double telling = Stopwatch.GetElapsedTime(_ready, _begin).TotalNanoseconds;
            double loop = Math.Max(Stopwatch.GetElapsedTime(_begin, now).TotalNanoseconds - telling, 0);
            double figure = loop / (_iterations * CalibrationImage.InstructionsPerIteration);
            bool isFast = figure <= Threshold;
            bool isPrecise = _iterations == FurtherIterations;

            // The short loop only tells fast from slow: beside the telling its own time is lost.
            Best = Math.Min(Best ?? double.MaxValue, isFast && !isPrecise ? Threshold : figure);
            if (++_done == Attempts || (isFast && isPrecise))
            {
                processor.RequestExit();
            }

            _iterations = isFast ? FurtherIterations : _iterations;
        }
    }
}
