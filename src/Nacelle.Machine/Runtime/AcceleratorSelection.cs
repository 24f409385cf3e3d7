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
    /// <param name="choice">What was asked for.</param>
    /// <param name="bus">The machine.</param>
    /// <param name="virtualCpus">How many vCPUs it has.</param>
    /// <param name="cpu">The processor that the guest sees.</param>
    /// <exception cref="MachineException">The one that was asked for cannot run here, or not with that processor.</exception>
    internal static AcceleratorSelection Choose(
        AcceleratorChoice choice, MachineBus bus, int virtualCpus, CpuModelSpecification cpu)
    {
        AcceleratorSelection selection = Choose(choice, bus, virtualCpus);
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

    private static AcceleratorSelection Choose(AcceleratorChoice choice, MachineBus bus, int virtualCpus)
    {
        switch (choice)
        {
            case AcceleratorChoice.Kvm:
                return Kvm(bus, virtualCpus, "it was asked for");
            case AcceleratorChoice.Translator:
                return Translator(bus, virtualCpus, "it was asked for");
            default:
                CalibrationResult calibration = AcceleratorCalibration.Run();
                return calibration.IsUsable
                    ? Kvm(bus, virtualCpus, calibration.Reason)
                    : Translator(bus, virtualCpus, calibration.Reason);
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

    private static AcceleratorSelection Translator(MachineBus bus, int virtualCpus, string reason)
    {
        try
        {
            return new(
                new TranslatorAccelerator(bus),
                reason,
                index => CpuidModels.ForTranslator(index, (uint)index, virtualCpus));
        }
        catch (PlatformNotSupportedException error)
        {
            throw new MachineException(MachineErrorKind.HostResource, error.Message, error);
        }
    }
}
