using Nacelle.Cpu;
using Nacelle.Kvm;
using Nacelle.Linux;
using Nacelle.Translation;

namespace Nacelle.Machine.Runtime;

/// <summary>An accelerator and the reason for it, in one line.</summary>
/// <param name="Accelerator">What runs the vCPUs.</param>
/// <param name="Reason">Why this one.</param>
/// <param name="Cpuid">What the vCPU of a number sees of its processor.</param>
internal sealed record AcceleratorSelection(IAccelerator Accelerator, string Reason, Func<int, CpuidTable> Cpuid)
{
    /// <summary>Makes the accelerator that was asked for, or the better one.</summary>
    /// <param name="description">What was asked for.</param>
    /// <param name="bus">The machine.</param>
    /// <exception cref="MachineException">The one that was asked for cannot run here, or not with that processor.</exception>
    internal static AcceleratorSelection Choose(MachineDescription description, MachineBus bus)
    {
        CpuModelSpecification cpu = description.Cpu;
        AcceleratorSelection selection = ChooseAny(description, bus);
        try
        {
            CpuSelection.Check(cpu, selection.Cpuid(0), selection.Accelerator.Name);
        }
        catch
        {
            selection.Accelerator.Dispose();
            throw;
        }

        return selection with { Cpuid = index => GuestCpuid.Make(selection.Cpuid(index), cpu) };
    }

    private static AcceleratorSelection ChooseAny(MachineDescription description, MachineBus bus)
    {
        switch (description.Accelerator)
        {
            case AcceleratorChoice.Kvm:
                return Kvm(bus, description.VirtualCpus, "it was asked for");
            case AcceleratorChoice.Translator:
                return Translator(bus, description, "it was asked for");
            default:
                CalibrationResult calibration = AcceleratorCalibration.Run();
                return calibration.IsUsable
                    ? Kvm(bus, description.VirtualCpus, calibration.Reason)
                    : Translator(bus, description, calibration.Reason);
        }
    }

    private static AcceleratorSelection Kvm(MachineBus bus, int virtualCpus, string reason)
    {
        try
        {
            KvmAccelerator accelerator = new(bus, virtualCpus);
            return new(accelerator, reason, index => accelerator.SupportedCpuid(index, (uint)index));
        }
        catch (Exception error) when (error is LinuxException or PlatformNotSupportedException)
        {
            throw new MachineException(MachineErrorKind.HostResource, error.Message, error);
        }
    }

    private static AcceleratorSelection Translator(MachineBus bus, MachineDescription description, string reason)
    {
        try
        {
            return new(
                new TranslatorAccelerator(bus, description.Translator, description.VirtualCpus),
                reason,
                index => CpuidModels.ForTranslator(index, (uint)index, description.VirtualCpus));
        }
        catch (PlatformNotSupportedException error)
        {
            throw new MachineException(MachineErrorKind.HostResource, error.Message, error);
        }
    }
}
