using System.Runtime.InteropServices;

namespace Nacelle.Kvm.Interop;

/// <summary>struct kvm_userspace_memory_region.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmMemoryRegion
{
    public const uint LogDirtyPages = 1;

    public uint Slot;
    public uint Flags;
    public ulong GuestAddress;
    public ulong Size;
    public ulong HostAddress;
}

/// <summary>struct kvm_dirty_log.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmDirtyLogRequest
{
    public uint Slot;
    public uint Padding;
    public void* Bitmap;
}

/// <summary>struct kvm_dirty_gfn.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmDirtyEntry
{
    public const uint Dirty = 1;
    public const uint Collected = 2;

    public uint Flags;
    public uint Slot;
    public ulong PageOffset;
}

/// <summary>struct kvm_enable_cap.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmEnableCapability
{
    public uint Capability;
    public uint Flags;
    public fixed ulong Arguments[4];
    public fixed byte Padding[64];
}

/// <summary>struct kvm_irq_level.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmInterruptLevel
{
    public uint Interrupt;
    public uint Level;
}

/// <summary>struct kvm_msi.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmMessage
{
    public uint AddressLow;
    public uint AddressHigh;
    public uint Data;
    public uint Flags;
    public uint DeviceId;
    public fixed byte Padding[12];
}

/// <summary>struct kvm_irqfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmInterruptEventFd
{
    public const uint Deassign = 1;

    public uint Descriptor;
    public uint Interrupt;
    public uint Flags;
    public uint ResampleDescriptor;
    public fixed byte Padding[16];
}

/// <summary>struct kvm_ioeventfd.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmDoorbell
{
    public const uint Deassign = 4;

    public ulong DataMatch;
    public ulong Address;
    public uint Length;
    public int Descriptor;
    public uint Flags;
    public fixed byte Padding[36];
}

/// <summary>struct kvm_irq_routing_entry with the irqchip and the MSI arms of its union.</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
internal struct KvmRoute
{
    public const uint ChipType = 1;
    public const uint MessageType = 2;

    [FieldOffset(0)]
    public uint Interrupt;

    [FieldOffset(4)]
    public uint Type;

    [FieldOffset(16)]
    public uint Chip;

    [FieldOffset(20)]
    public uint Pin;

    [FieldOffset(16)]
    public uint AddressLow;

    [FieldOffset(20)]
    public uint AddressHigh;

    [FieldOffset(24)]
    public uint Data;
}

/// <summary>struct kvm_pit_config.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmIntervalTimerConfiguration
{
    public const uint SpeakerDummy = 1;

    public uint Flags;
    public fixed uint Padding[15];
}

/// <summary>struct kvm_reinject_control: whether ticks of the 8254 timer that were missed are made up for.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmReinjectControl
{
    public byte Reinject;
    public fixed byte Reserved[31];
}

/// <summary>struct kvm_cpuid_entry2.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmCpuidEntry
{
    public const uint SignificantIndex = 1;

    public uint Function;
    public uint Index;
    public uint Flags;
    public uint Eax;
    public uint Ebx;
    public uint Ecx;
    public uint Edx;
    public fixed uint Padding[3];
}

/// <summary>struct kvm_msr_entry.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmMsr
{
    public uint Index;
    public uint Reserved;
    public ulong Value;
}

/// <summary>struct kvm_regs.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmRegisters
{
    public ulong Rax, Rbx, Rcx, Rdx, Rsi, Rdi, Rsp, Rbp, R8, R9, R10, R11, R12, R13, R14, R15, Rip, Rflags;
}

/// <summary>struct kvm_segment.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmSegment
{
    public ulong Base;
    public uint Limit;
    public ushort Selector;
    public byte Type, Present, PrivilegeLevel, DefaultSize, System, Long, Granularity, Available, Unusable, Padding;
}

/// <summary>struct kvm_dtable.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmDescriptorTable
{
    public ulong Base;
    public ushort Limit;
    public fixed ushort Padding[3];
}

/// <summary>struct kvm_sregs.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmSystemRegisters
{
    public KvmSegment Cs, Ds, Es, Fs, Gs, Ss, Tr, Ldtr;
    public KvmDescriptorTable Gdtr, Idtr;
    public ulong Cr0, Cr2, Cr3, Cr4, Cr8, Efer, ApicBase;
    public fixed ulong PendingInterrupt[4];
}

/// <summary>struct kvm_debugregs.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmDebugRegisters
{
    public fixed ulong Breakpoints[4];
    public ulong Dr6;
    public ulong Dr7;
    public ulong Flags;
    public fixed ulong Reserved[9];
}

/// <summary>struct kvm_guest_debug.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmGuestDebug
{
    public const int Enable = 1;
    public const int SingleStep = 2;
    public const int HardwareBreakpoints = 0x2_0000;
    public const int BlockInterrupts = 0x10_0000;

    /// <summary>What kernels take that do not say what they take.</summary>
    public const int Basic = Enable | SingleStep | HardwareBreakpoints;

    public uint Control;
    public uint Padding;
    public fixed ulong Registers[8];
}

/// <summary>The first part of struct kvm_vcpu_events: the exception that is being raised.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct KvmVcpuEvents
{
    public byte Injected, Vector, HasErrorCode, Pending;
    public uint ErrorCode;
}

/// <summary>struct kvm_xcrs; entry 0 is the only one the architecture has.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmExtendedControls
{
    public uint Count;
    public uint Flags;
    public uint Number;
    public uint Reserved;
    public ulong Value;
    public fixed byte Rest[368];
}

/// <summary>struct kvm_device_attr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KvmDeviceAttribute
{
    public uint Flags;
    public uint Group;
    public ulong Attribute;
    public ulong Address;
}

/// <summary>struct kvm_translation.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KvmTranslation
{
    public ulong Linear;
    public ulong Physical;
    public byte Valid;
    public byte Writable;
    public byte User;
    public fixed byte Padding[5];
}
