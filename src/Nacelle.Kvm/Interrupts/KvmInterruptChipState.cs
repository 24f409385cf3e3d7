using Nacelle.Kvm.Interop;

namespace Nacelle.Kvm;

/// <summary>State of the 8259 pair, the IOAPIC and the 8254, in the kernel's form. Immutable.</summary>
internal sealed unsafe class KvmInterruptChipState
{
    private const int ChipSize = 520;
    private const int TimerSize = 112;

    /// <summary>Where struct kvm_pit_state2 holds its flags, after three channels of 24 bytes, and the flag for an HPET in charge.</summary>
    private const int TimerFlags = 72;
    private const uint TimerDisconnected = 1;
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

    /// <summary>Silences channel 0 of the 8254, or lets it interrupt again.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public static void DisconnectTimer(KvmHandle vm, bool disconnected)
    {
        byte* timer = stackalloc byte[TimerSize];
        vm.Call(KvmRequest.GetIntervalTimer, timer, "read KVM's interval timer");
        uint* flags = (uint*)(timer + TimerFlags);
        uint wanted = disconnected ? *flags | TimerDisconnected : *flags & ~TimerDisconnected;
        if (wanted != *flags)
        {
            *flags = wanted;
            vm.Call(KvmRequest.SetIntervalTimer, timer, "connect KVM's interval timer");
        }
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
