using Nacelle.Memory;

namespace Nacelle.Cpu;

/// <summary>What surrounds a vCPU, as <see cref="SystemInstructions"/> needs it. For the vCPU's own thread.</summary>
public interface IProcessorEnvironment
{
    /// <summary>Number of the vCPU; 0 is the bootstrap processor.</summary>
    int Index { get; }

    /// <summary>The vCPU's LAPIC, or null on a machine without one.</summary>
    ILocalInterruptController? LocalInterrupts { get; }

    /// <summary>What CPUID answers.</summary>
    CpuidTable Cpuid { get; }

    /// <summary>Guest RAM, for the paravirtual clock's pages.</summary>
    GuestMemory Ram { get; }

    /// <summary>The host's time-stamp counter; the guest's is this plus <see cref="CpuRegisters.TscOffset"/>.</summary>
    ulong ReadTimestampCounter();

    /// <summary>
    /// Something by which translated code is keyed has changed: CR0, CR4, EFER, CPL, CS, RFLAGS.AC (which lifts SMAP), or outside
    /// 64-bit mode the base or attributes of a data segment. Called after the change.
    /// </summary>
    void ModeChanged();

    /// <summary>Reads an I/O port.</summary>
    /// <param name="port">The port.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    uint ReadPort(ushort port, int size);

    /// <summary>Writes an I/O port.</summary>
    /// <param name="port">The port.</param>
    /// <param name="size">1, 2 or 4 bytes.</param>
    /// <param name="value">The value; bits beyond the size are zero.</param>
    void WritePort(ushort port, int size, uint value);
}
