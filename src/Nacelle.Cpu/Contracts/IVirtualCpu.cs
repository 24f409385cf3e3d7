namespace Nacelle.Cpu;

/// <summary>A virtual processor.</summary>
/// <remarks>
/// <see cref="Run"/> and the state are for the vCPU's own thread, or for any thread while that one is outside
/// <see cref="Run"/>. <see cref="RequestExit"/>, <see cref="NotifyInterrupt"/>, <see cref="SignalInit"/> and
/// <see cref="SignalStartup"/> may be called from any thread.
/// </remarks>
public interface IVirtualCpu : IDisposable
{
    /// <summary>0 is the bootstrap processor.</summary>
    int Index { get; }

    /// <summary>
    /// Runs guest code on the calling thread, with device accesses dispatched through the machine's bus, until something
    /// happens that the machine has to decide on. Halts and waits for start-up are spent inside.
    /// </summary>
    VirtualCpuExit Run();

    /// <summary>Makes <see cref="Run"/> return <see cref="VirtualCpuExitReason.Requested"/> soon, also when called before it.</summary>
    void RequestExit();

    /// <summary>The local interrupt controller has something new: leave a halt, look again.</summary>
    void NotifyInterrupt();

    /// <summary>An INIT arrived: reset the registers and wait for start-up.</summary>
    void SignalInit();

    /// <summary>A SIPI arrived: when waiting for start-up, begin at vector × 4096 in real mode.</summary>
    void SignalStartup(byte vector);

    /// <summary>Puts the registers into the state after power-on or INIT (SDM volume 3, table 11-1).</summary>
    void Reset();

    /// <summary>Reads the registers.</summary>
    void ReadState(out CpuRegisters registers);

    /// <summary>Replaces the registers.</summary>
    void WriteState(in CpuRegisters registers);
}

/// <summary>Why <see cref="IVirtualCpu.Run"/> returned.</summary>
public enum VirtualCpuExitReason
{
    /// <summary><see cref="IVirtualCpu.RequestExit"/> was called.</summary>
    Requested,

    /// <summary>Triple fault: the machine resets or stops.</summary>
    Shutdown,

    /// <summary>The accelerator cannot go on; the detail says why.</summary>
    Failed,

    /// <summary>A debugger's settings apply; see <see cref="IVirtualCpuDebug.SetDebug"/>.</summary>
    Debug,
}

/// <summary>Why <see cref="IVirtualCpu.Run"/> returned.</summary>
/// <param name="Reason">The reason.</param>
/// <param name="Detail">A line for a person where that helps.</param>
/// <param name="DebugStop">What the debugger is told, for <see cref="VirtualCpuExitReason.Debug"/>.</param>
public readonly record struct VirtualCpuExit(
    VirtualCpuExitReason Reason, string? Detail = null, VirtualCpuDebugStop DebugStop = default);

/// <summary>The LAPIC as its own vCPU sees it, when it is not in the host kernel.</summary>
/// <remarks>Called on the vCPU's thread; the controller guards itself against messages from other threads.</remarks>
public interface ILocalInterruptController
{
    /// <summary>Whether an interrupt is ready that the task priority lets through, or the 8259 pair has one for this vCPU.</summary>
    bool HasInterrupt { get; }

    /// <summary>Takes the highest one into service.</summary>
    /// <returns>The vector, or -1 when there is none any more.</returns>
    int Acknowledge();

    /// <summary>Takes a pending non-maskable interrupt.</summary>
    bool TakeNonMaskable();

    /// <summary>The handler of a non-maskable interrupt has returned: another one may be taken.</summary>
    void EndNonMaskable();

    /// <summary>CR8: bits 7:4 of the task priority register.</summary>
    byte TaskPriority { get; set; }

    /// <summary>Sends an interrupt to the LAPIC of an APIC id.</summary>
    /// <param name="identifier">The physical APIC id.</param>
    /// <param name="command">Vector and delivery mode as in bits 10:0 of the interrupt command register.</param>
    /// <returns>False where no LAPIC has the id.</returns>
    bool TrySend(uint identifier, uint command);

    /// <summary>Reads a model-specific register that belongs to the LAPIC (0x1b, 0x6e0, 0x800 to 0x8ff).</summary>
    /// <returns>False where the access raises #GP.</returns>
    bool TryReadModelSpecificRegister(uint index, out ulong value);

    /// <summary>Writes a model-specific register that belongs to the LAPIC.</summary>
    /// <returns>False where the access raises #GP.</returns>
    bool TryWriteModelSpecificRegister(uint index, ulong value);

    /// <summary>Back to the state after power-on; after INIT when <paramref name="init"/> (the APIC id and base stay).</summary>
    void Reset(bool init);
}
