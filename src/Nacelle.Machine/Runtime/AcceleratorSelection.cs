using Nacelle.Cpu;
using Nacelle.Translation;

namespace Nacelle.Machine.Runtime;

/// <summary>An accelerator and the reason for it, in one line.</summary>
internal sealed record AcceleratorSelection(IAccelerator Accelerator, string Reason)
{
    /// <summary>Makes the accelerator that was asked for, or the better one.</summary>
    /// <exception cref="MachineException">The one that was asked for cannot run here.</exception>
    internal static AcceleratorSelection Choose(AcceleratorChoice choice, MachineBus bus) => choice switch
    {
        AcceleratorChoice.Kvm => throw new MachineException(
            MachineErrorKind.HostResource, "the KVM accelerator is not built yet: use --accel translator"),
        AcceleratorChoice.Translator => new(Translator(bus), "it was asked for"),
        _ => new(Translator(bus), "the KVM accelerator is not built yet"),
    };

    private static TranslatorAccelerator Translator(MachineBus bus)
    {
        try
        {
            return new TranslatorAccelerator(bus);
        }
        catch (PlatformNotSupportedException error)
        {
            throw new MachineException(MachineErrorKind.HostResource, error.Message, error);
        }
    }
}
