using Nacelle.Kvm.Interop;

namespace Nacelle.Kvm;

/// <summary>State of the 8259 pair, the IOAPIC and the 8254, in the kernel's form. Immutable.</summary>
internal sealed unsafe class KvmInterruptChipState
{
    private const int ChipSize = 520;
    private const int TimerSize = 112;
    private const int Chips = 3;

    private readonly byte[] _chips = new byte[Chips * ChipSize];
    private readonly byte[] _timer = new byte[TimerSize];

    /// <summary>Reads what the VM has now.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public static KvmInterruptChipState Read(KvmHandle vm)
    {
        KvmInterruptChipState state = new();
        fixed (byte* chips = state._chips, timer = state._timer)
        {
            for (int chip = 0; chip < Chips; chip++)
            {
                // The kernel is told by the first word which chip is meant.
                *(uint*)(chips + (chip * ChipSize)) = (uint)chip;
                vm.Call(KvmRequest.GetInterruptChip, chips + (chip * ChipSize), "read KVM's interrupt controllers");
            }

            vm.Call(KvmRequest.GetIntervalTimer, timer, "read KVM's interval timer");
        }

        return state;
    }

    /// <summary>Puts the state back.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public void Write(KvmHandle vm)
    {
        fixed (byte* chips = _chips, timer = _timer)
        {
            for (int chip = 0; chip < Chips; chip++)
            {
                vm.Call(KvmRequest.SetInterruptChip, chips + (chip * ChipSize), "reset KVM's interrupt controllers");
            }

            vm.Call(KvmRequest.SetIntervalTimer, timer, "reset KVM's interval timer");
        }
    }
}
