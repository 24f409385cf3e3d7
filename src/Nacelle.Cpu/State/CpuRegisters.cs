using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Nacelle.Cpu;

/// <summary>Numbers of the general registers as instructions encode them (SDM volume 2, table 2-2).</summary>
public enum GeneralRegister
{
    /// <summary>RAX.</summary>
    Rax,

    /// <summary>RCX.</summary>
    Rcx,

    /// <summary>RDX.</summary>
    Rdx,

    /// <summary>RBX.</summary>
    Rbx,

    /// <summary>RSP.</summary>
    Rsp,

    /// <summary>RBP.</summary>
    Rbp,

    /// <summary>RSI.</summary>
    Rsi,

    /// <summary>RDI.</summary>
    Rdi,

    /// <summary>R8.</summary>
    R8,

    /// <summary>R9.</summary>
    R9,

    /// <summary>R10.</summary>
    R10,

    /// <summary>R11.</summary>
    R11,

    /// <summary>R12.</summary>
    R12,

    /// <summary>R13.</summary>
    R13,

    /// <summary>R14.</summary>
    R14,

    /// <summary>R15.</summary>
    R15,
}

/// <summary>Numbers of the segment registers as instructions encode them.</summary>
public enum SegmentName
{
    /// <summary>ES.</summary>
    Es,

    /// <summary>CS.</summary>
    Cs,

    /// <summary>SS.</summary>
    Ss,

    /// <summary>DS.</summary>
    Ds,

    /// <summary>FS.</summary>
    Fs,

    /// <summary>GS.</summary>
    Gs,

    /// <summary>The local descriptor table register.</summary>
    Ldtr,

    /// <summary>The task register.</summary>
    Tr,
}

/// <summary>A segment register with its hidden part.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SegmentRegister
{
    /// <summary>Linear base address.</summary>
    public ulong Base;

    /// <summary>Last valid offset in bytes (the granularity bit is already applied).</summary>
    public uint Limit;

    /// <summary>The selector.</summary>
    public ushort Selector;

    /// <summary>
    /// Bits 0-3 type, 4 S, 5-6 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G: bytes 5 and 6 of a descriptor (SDM volume 3, figure 3-8)
    /// with the limit bits zero. Zero means unusable (a null selector).
    /// </summary>
    public ushort Attributes;

    /// <summary>Descriptor privilege level.</summary>
    public readonly int DescriptorPrivilegeLevel => (Attributes >> 5) & 3;

    /// <summary>L: 64-bit code.</summary>
    public readonly bool IsLong => (Attributes & 0x2000) != 0;

    /// <summary>D/B: 32-bit code or stack.</summary>
    public readonly bool IsDefault32 => (Attributes & 0x4000) != 0;

    /// <summary>P.</summary>
    public readonly bool IsPresent => (Attributes & 0x80) != 0;
}

/// <summary>GDTR or IDTR.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct DescriptorTableRegister
{
    /// <summary>Linear base address.</summary>
    public ulong Base;

    /// <summary>Last valid offset.</summary>
    public ulong Limit;
}

/// <summary>
/// The architectural registers of a vCPU but for x87, vector and LAPIC state. Sequential layout: emitted code reaches the
/// fields by their offsets. Owned by the vCPU's thread.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CpuRegisters
{
    /// <summary>RAX to R15 in the order of <see cref="GeneralRegister"/>.</summary>
    public fixed ulong General[16];

    /// <summary>RIP.</summary>
    public ulong Rip;

    /// <summary>RFLAGS, all bits.</summary>
    public ulong Rflags;

    /// <summary>ES.</summary>
    public SegmentRegister Es;

    /// <summary>CS.</summary>
    public SegmentRegister Cs;

    /// <summary>SS.</summary>
    public SegmentRegister Ss;

    /// <summary>DS.</summary>
    public SegmentRegister Ds;

    /// <summary>FS.</summary>
    public SegmentRegister Fs;

    /// <summary>GS.</summary>
    public SegmentRegister Gs;

    /// <summary>LDTR.</summary>
    public SegmentRegister Ldtr;

    /// <summary>TR.</summary>
    public SegmentRegister Tr;

    /// <summary>GDTR.</summary>
    public DescriptorTableRegister Gdtr;

    /// <summary>IDTR.</summary>
    public DescriptorTableRegister Idtr;

    /// <summary>CR0.</summary>
    public ulong Cr0;

    /// <summary>CR2: linear address of the last page fault.</summary>
    public ulong Cr2;

    /// <summary>CR3.</summary>
    public ulong Cr3;

    /// <summary>CR4.</summary>
    public ulong Cr4;

    /// <summary>CR8: task priority.</summary>
    public ulong Cr8;

    /// <summary>XCR0.</summary>
    public ulong Xcr0;

    /// <summary>IA32_EFER.</summary>
    public ulong Efer;

    /// <summary>IA32_STAR.</summary>
    public ulong Star;

    /// <summary>IA32_LSTAR.</summary>
    public ulong Lstar;

    /// <summary>IA32_CSTAR.</summary>
    public ulong Cstar;

    /// <summary>IA32_FMASK.</summary>
    public ulong SyscallFlagMask;

    /// <summary>IA32_KERNEL_GS_BASE.</summary>
    public ulong KernelGsBase;

    /// <summary>IA32_TSC_AUX.</summary>
    public ulong TscAux;

    /// <summary>IA32_SYSENTER_CS.</summary>
    public ulong SysenterCs;

    /// <summary>IA32_SYSENTER_ESP.</summary>
    public ulong SysenterEsp;

    /// <summary>IA32_SYSENTER_EIP.</summary>
    public ulong SysenterEip;

    /// <summary>IA32_PAT.</summary>
    public ulong Pat;

    /// <summary>IA32_MISC_ENABLE.</summary>
    public ulong MiscEnable;

    /// <summary>IA32_SPEC_CTRL; kept, without effect on the translator.</summary>
    public ulong SpeculationControl;

    /// <summary>Guest TSC minus host TSC.</summary>
    public ulong TscOffset;

    /// <summary>IA32_TSC_ADJUST.</summary>
    public ulong TscAdjust;

    /// <summary>DR0 to DR7; 4 and 5 are not used.</summary>
    public fixed ulong Debug[8];

    /// <summary>PKRU: two bits for each protection key of user pages.</summary>
    public ulong ProtectionKeyRights;

    /// <summary>IA32_PKRS: two bits for each protection key of supervisor pages.</summary>
    public ulong SupervisorKeyRights;

    /// <summary>A segment register by number.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    public ref SegmentRegister Segment(SegmentName name) => ref Unsafe.Add(ref Es, (int)name);

    /// <summary>Current privilege level: DPL of SS (SDM volume 3, 5.5), 0 in real mode, 3 in virtual-8086 mode.</summary>
    public readonly int PrivilegeLevel => (Cr0 & 1) == 0 ? 0 : (Rflags & 0x20000) != 0 ? 3 : Ss.DescriptorPrivilegeLevel;

    /// <summary>Whether selectors name descriptors: protected mode, but not virtual-8086 mode.</summary>
    public readonly bool IsProtected => (Cr0 & Cr0Bits.ProtectionEnable) != 0 && (Rflags & RflagsBits.Virtual8086) == 0;

    /// <summary>DR7.</summary>
    public readonly ulong BreakpointControl => Debug[7];

    /// <summary>DR0 to DR3.</summary>
    /// <param name="number">0 to 3.</param>
    public readonly ulong Breakpoint(int number) => Debug[number];

    /// <summary>Sets bits of DR6, after taking others away.</summary>
    /// <param name="added">To set.</param>
    /// <param name="removed">To clear first.</param>
    public void AddDebugStatus(ulong added, ulong removed) => Debug[6] = (Debug[6] & ~removed) | added;

    /// <summary>Clears the enable bits of DR7.</summary>
    public void DisableBreakpoints() => Debug[7] &= ~0xFFUL;

    /// <summary>Whether IA-32e mode is active (EFER.LMA).</summary>
    public readonly bool IsLongModeActive => (Efer & 0x400) != 0;
}
