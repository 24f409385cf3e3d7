using Nacelle.Cpu;
using Nacelle.Devices.Interrupts;

namespace Nacelle.Machine.Interrupts;

/// <summary>A LAPIC as its vCPU sees it.</summary>
internal sealed class LocalInterruptController(LocalApic local) : ILocalInterruptController
{
    public bool HasInterrupt => local.HasInterrupt;

    public byte TaskPriority
    {
        get => local.TaskPriority;
        set => local.TaskPriority = value;
    }

    public int Acknowledge() => local.Acknowledge();

    public bool TakeNonMaskable() => local.TakeNonMaskable();

    public void EndNonMaskable() => local.EndNonMaskable();

    public bool TrySend(uint identifier, uint command) => local.TrySend(identifier, command);

    public bool TryReadModelSpecificRegister(uint index, out ulong value) =>
        local.TryReadModelSpecificRegister(index, out value);

    public bool TryWriteModelSpecificRegister(uint index, ulong value) =>
        local.TryWriteModelSpecificRegister(index, value);

    public void Reset(bool init) => local.Reset(init);
}

/// <summary>A vCPU as its LAPIC sees it.</summary>
internal sealed class LocalApicProcessor(IVirtualCpu processor) : ILocalApicProcessor
{
    public void NotifyInterrupt() => processor.NotifyInterrupt();

    public void SignalInit() => processor.SignalInit();

    public void SignalStartup(byte vector) => processor.SignalStartup(vector);

    public ulong ReadTimestamp()
    {
        // Only asked for by the vCPU's own writes to its deadline register, so its registers are at rest.
        processor.ReadState(out CpuRegisters registers);
        return HostTimestamp.Read() + registers.TscOffset;
    }
}
