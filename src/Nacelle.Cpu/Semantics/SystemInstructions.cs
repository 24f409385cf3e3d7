using System.Runtime.CompilerServices;

namespace Nacelle.Cpu;

/// <summary>
/// What x86 instructions and events do beyond plain computation: segments, descriptor tables, control and model-specific
/// registers, interrupts, far transfers, fast system calls, port permissions.
/// </summary>
/// <remarks>
/// <para>Owned by the vCPU's thread, as are the registers behind the pointer, which must stay in place.</para>
/// <para>
/// A method that returns bool answers false for a fault, left in <see cref="ILinearMemory.PendingFault"/> with no
/// architectural state changed but for accessed bits of descriptors and bytes below the stack pointer. While a method
/// runs, <see cref="CpuRegisters.Rip"/> holds the address of the instruction; control transfers set it to the target,
/// everything else leaves it to the caller to advance.
/// </para>
/// <para>
/// A task switch that fails when the new task has been entered leaves its registers, and the fault is the new task's: the
/// caller delivers it at the RIP that is there then.
/// </para>
/// </remarks>
public sealed unsafe partial class SystemInstructions
{
    private readonly CpuRegisters* _registers;
    private readonly ILinearMemory _memory;
    private readonly IProcessorEnvironment _environment;
    private readonly ProcessorFeatures _features;

    /// <summary>Binds to a vCPU.</summary>
    /// <param name="registers">The vCPU's registers in fixed memory.</param>
    /// <param name="memory">Linear memory as the vCPU sees it.</param>
    /// <param name="environment">LAPIC, CPUID, ports and the like.</param>
    public SystemInstructions(CpuRegisters* registers, ILinearMemory memory, IProcessorEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(environment);
        _registers = registers;
        _memory = memory;
        _environment = environment;
        _features = new ProcessorFeatures(environment.Cpuid);
        Clock = new ParavirtualClock(environment.Ram, _features.TimestampFrequency);
    }

    /// <summary>The guest's kvmclock and steal-time pages.</summary>
    public ParavirtualClock Clock { get; }

    /// <summary>
    /// Set by STI and by loads of SS: no interrupt before the next instruction has completed (SDM volume 3, 6.8.3). The
    /// caller clears it.
    /// </summary>
    public bool InterruptShadow { get; set; }

    /// <summary>A non-maskable interrupt is being handled; the next waits for IRET (SDM volume 3, 6.7.1).</summary>
    public bool NmiBlocked { get; set; }

    /// <summary>Whether the guest's processor says that it is AMD's, where makers differ.</summary>
    public bool IsAmd => _features.IsAmd;

    /// <summary>Whether 64-bit code runs.</summary>
    private bool Is64Bit => _registers->IsLongModeActive && _registers->Cs.IsLong;

    /// <summary>Whether selectors are looked up in descriptor tables.</summary>
    public bool IsProtected => _registers->IsProtected;

    private int CurrentPrivilegeLevel => _registers->PrivilegeLevel;

    private bool Fail(Fault fault)
    {
        _memory.PendingFault = fault;
        return false;
    }

    private bool FailGeneralProtection(uint errorCode = 0) => Fail(Fault.GeneralProtectionFault(errorCode));

    private bool FailUndefined() => Fail(Fault.UndefinedInstruction);

    private bool RequirePrivilege() => CurrentPrivilegeLevel == 0 || FailGeneralProtection();

    /// <summary>Whether an address is canonical at the guest's present address width (SDM volume 1, 3.3.7.1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsCanonical(ulong address)
    {
        int shift = (_registers->Cr4 & Cr4Bits.LinearAddress57) != 0 ? 7 : 16;
        return (ulong)((long)(address << shift) >> shift) == address;
    }

    private bool ReadTable(ulong address, int size, out ulong value) =>
        _memory.TryRead(address, size, LinearAccess.ImplicitSupervisor, out value);
}
