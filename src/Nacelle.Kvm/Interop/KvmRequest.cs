namespace Nacelle.Kvm.Interop;

/// <summary>Request numbers of the ioctls of /dev/kvm, a VM and a vCPU (the host's linux/kvm.h), as _IO, _IOR, _IOW and _IOWR make them.</summary>
internal static class KvmRequest
{
    public const uint GetApiVersion = 0xAE00;
    public const uint CreateVm = 0xAE01;
    public const uint GetMsrIndexList = 0xC004_AE02;
    public const uint CheckExtension = 0xAE03;
    public const uint GetVcpuMmapSize = 0xAE04;
    public const uint GetSupportedCpuid = 0xC008_AE05;

    public const uint CreateVcpu = 0xAE41;
    public const uint GetDirtyLog = 0x4010_AE42;
    public const uint SetUserMemoryRegion = 0x4020_AE46;
    public const uint SetTssAddress = 0xAE47;
    public const uint SetIdentityMapAddress = 0x4008_AE48;
    public const uint CreateInterruptChips = 0xAE60;
    public const uint InterruptLine = 0x4008_AE61;
    public const uint GetInterruptChip = 0xC208_AE62;
    public const uint SetInterruptChip = 0x8208_AE63;
    public const uint SetRouting = 0x4008_AE6A;
    public const uint ReinjectControl = 0xAE71;
    public const uint InterruptEventFd = 0x4020_AE76;
    public const uint CreateIntervalTimer = 0x4040_AE77;
    public const uint SetBootProcessor = 0xAE78;
    public const uint DoorbellEventFd = 0x4040_AE79;
    public const uint GetIntervalTimer = 0x8070_AE9F;
    public const uint SetIntervalTimer = 0x4070_AEA0;
    public const uint EnableCapability = 0x4068_AEA3;
    public const uint SignalMessage = 0x4020_AEA5;
    public const uint ResetDirtyRings = 0xAEC7;

    public const uint Run = 0xAE80;
    public const uint GetRegisters = 0x8090_AE81;
    public const uint SetRegisters = 0x4090_AE82;
    public const uint GetSystemRegisters = 0x8138_AE83;
    public const uint SetSystemRegisters = 0x4138_AE84;
    public const uint Translate = 0xC018_AE85;
    public const uint GetMsrs = 0xC008_AE88;
    public const uint SetMsrs = 0x4008_AE89;
    public const uint SetSignalMask = 0x4004_AE8B;
    public const uint GetLocalApic = 0x8400_AE8E;
    public const uint SetLocalApic = 0x4400_AE8F;
    public const uint SetCpuid = 0x4008_AE90;
    public const uint GetMultiprocessingState = 0x8004_AE98;
    public const uint SetMultiprocessingState = 0x4004_AE99;
    public const uint SetGuestDebug = 0x4048_AE9B;
    public const uint GetVcpuEvents = 0x8040_AE9F;
    public const uint SetVcpuEvents = 0x4040_AEA0;
    public const uint GetDebugRegisters = 0x8080_AEA1;
    public const uint SetDebugRegisters = 0x4080_AEA2;
    public const uint GetTscKilohertz = 0xAEA3;
    public const uint GetXsave = 0x9000_AEA4;
    public const uint SetXsave = 0x5000_AEA5;
    public const uint GetXcrs = 0x8188_AEA6;
    public const uint SetXcrs = 0x4188_AEA7;
    public const uint ClockControl = 0xAEAD;
    public const uint GetXsave2 = 0x9000_AECF;
    public const uint SetDeviceAttribute = 0x4018_AEE1;
    public const uint GetDeviceAttribute = 0x4018_AEE2;
    public const uint HasDeviceAttribute = 0x4018_AEE3;
}
