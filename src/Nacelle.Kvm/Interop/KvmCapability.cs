namespace Nacelle.Kvm.Interop;

/// <summary>Numbers for KVM_CHECK_EXTENSION and KVM_ENABLE_CAP (the host's linux/kvm.h).</summary>
internal static class KvmCapability
{
    public const int InterruptChips = 0;
    public const int RecommendedVcpus = 9;
    public const int MemorySlots = 10;
    public const int GuestDebug = 23;
    public const int InterruptEventFd = 32;
    public const int IntervalTimer2 = 33;
    public const int DoorbellEventFd = 36;
    public const int IdentityMapAddress = 37;
    public const int DebugRegisters = 50;
    public const int Xcrs = 56;
    public const int TscScaling = 60;
    public const int MaximumVcpus = 66;
    public const int TscDeadlineTimer = 72;
    public const int SignalMessage = 77;
    public const int SplitInterruptChips = 121;
    public const int VcpuAttributes = 127;
    public const int X2ApicApi = 129;
    public const int ImmediateExit = 136;
    public const int NestedState = 157;
    public const int DirtyRing = 192;
    public const int GuestDebugFlags = 195;
    public const int Xsave2 = 208;
    public const int DirtyRingAcquireRelease = 223;
}
