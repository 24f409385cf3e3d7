using System.Runtime.InteropServices;
using Nacelle.Kvm.Interop;

namespace Nacelle.Kvm;

/// <summary>Whether /dev/kvm opens.</summary>
public enum KvmAvailability
{
    /// <summary>It opens and has what the accelerator needs.</summary>
    Available,

    /// <summary>There is no such device, or nothing behind it.</summary>
    Absent,

    /// <summary>This user may not open it.</summary>
    NoPermission,

    /// <summary>It opens but lacks something.</summary>
    Insufficient,
}

/// <summary>What a look at /dev/kvm found.</summary>
/// <param name="Availability">Whether it can be used.</param>
/// <param name="Reason">One line for a person: what is in the way and what to change, or what was found.</param>
/// <param name="Facts">What it offers; null unless it opens.</param>
public sealed record KvmProbe(KvmAvailability Availability, string Reason, KvmFacts? Facts);

/// <summary>The host's KVM. Safe from any thread.</summary>
public static class KvmHost
{
    /// <summary>Where KVM is reached.</summary>
    public const string DevicePath = "/dev/kvm";

    /// <summary>Looks at what the host offers; leaves nothing open.</summary>
    public static KvmProbe Probe() => Probe(DevicePath);

    /// <summary>Looks at a KVM device at another path.</summary>
    internal static KvmProbe Probe(string path)
    {
        KvmHandle? system = TryOpen(path, out int error);
        if (system is null)
        {
            return Explain(path, error);
        }

        using (system)
        {
            KvmFacts facts = Gather(system);
            return facts.Missing is string missing
                ? new KvmProbe(KvmAvailability.Insufficient, $"{path} lacks {missing}", facts)
                : new KvmProbe(KvmAvailability.Available, $"{path} has what is needed", facts);
        }
    }

    /// <summary>Opens the device for an accelerator.</summary>
    /// <exception cref="PlatformNotSupportedException">
    /// It does not open, or lacks something; the message says what is in the way and what to change.
    /// </exception>
    internal static KvmHandle Open(out KvmFacts facts)
    {
        KvmHandle? system = TryOpen(DevicePath, out int error);
        if (system is null)
        {
            throw new PlatformNotSupportedException($"{Explain(DevicePath, error).Reason}; or use --accel translator");
        }

        facts = Gather(system);
        if (facts.Missing is string missing)
        {
            system.Dispose();
            throw new PlatformNotSupportedException($"{DevicePath} lacks {missing}: use --accel translator");
        }

        return system;
    }

    private static KvmProbe Explain(string path, int error) => error switch
    {
        Libc.EACCES or Libc.EPERM => new KvmProbe(
            KvmAvailability.NoPermission,
            $"this user may not open {path}: add the user to the group that owns it (usually 'kvm') and log in again",
            null),
        Libc.ENOENT => new KvmProbe(
            KvmAvailability.Absent,
            $"{path} does not exist: load kvm_intel or kvm_amd, or switch virtualisation on in the firmware",
            null),
        Libc.ENODEV or Libc.ENXIO => new KvmProbe(
            KvmAvailability.Absent,
            $"nothing is behind {path}: load kvm_intel or kvm_amd",
            null),
        _ => new KvmProbe(
            KvmAvailability.Absent, $"{path} does not open: {Marshal.GetPInvokeErrorMessage(error)}", null),
    };

    private static KvmHandle? TryOpen(string path, out int error)
    {
        const int readWrite = 2;
        const int closeOnExec = 0x80000;
        int descriptor = Libc.Open(path, readWrite | closeOnExec);
        error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new KvmHandle(descriptor);
    }

    private static KvmFacts Gather(KvmHandle system)
    {
        int Extension(int capability) => Math.Max(system.Try(KvmRequest.CheckExtension, (nuint)capability), 0);

        int version = system.Try(KvmRequest.GetApiVersion, 0);
        int recommended = Math.Max(Extension(KvmCapability.RecommendedVcpus), 1);
        int ring = Extension(KvmCapability.DirtyRing);
        return new KvmFacts(
            ApiVersion: version,
            RecommendedVcpus: recommended,
            MaximumVcpus: Math.Max(Extension(KvmCapability.MaximumVcpus), recommended),
            MemorySlots: Extension(KvmCapability.MemorySlots) is > 0 and int slots ? slots : 32,
            InterruptControllers: Extension(KvmCapability.InterruptChips) > 0
                && Extension(KvmCapability.InterruptEventFd) > 0,
            IntervalTimer: Extension(KvmCapability.IntervalTimer2) > 0,
            SplitInterruptControllers: Extension(KvmCapability.SplitInterruptChips) > 0,
            Doorbells: Extension(KvmCapability.DoorbellEventFd) > 0,
            Messages: Extension(KvmCapability.SignalMessage) > 0,
            TscDeadline: Extension(KvmCapability.TscDeadlineTimer) > 0,
            ImmediateExit: Extension(KvmCapability.ImmediateExit) > 0,
            DirtyRingBytes: ring > 0 ? ring : Extension(KvmCapability.DirtyRingAcquireRelease),
            ExtendedStateBytes: Math.Max(Extension(KvmCapability.Xsave2), 4096),
            NestedStateBytes: Extension(KvmCapability.NestedState),
            GuestDebugFlags: Extension(KvmCapability.GuestDebugFlags) is > 0 and int debug ? debug
                : Extension(KvmCapability.GuestDebug) > 0 ? KvmGuestDebug.Basic : 0,
            TscScaling: Extension(KvmCapability.TscScaling) > 0);
    }
}
