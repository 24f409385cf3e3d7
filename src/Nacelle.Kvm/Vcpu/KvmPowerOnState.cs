using Nacelle.Kvm.Interop;

namespace Nacelle.Kvm;

/// <summary>
/// All state of a vCPU as the kernel created it, which is the state after power-on, kept for resets. Immutable.
/// </summary>
/// <remarks>The TSC is not in it: it goes on counting through a reset, and setting it would part it from the other vCPUs'.</remarks>
internal sealed unsafe class KvmPowerOnState
{
    private readonly KvmRegisters _registers;
    private readonly KvmSystemRegisters _system;
    private readonly KvmDebugRegisters _debug;
    private readonly KvmExtendedControls _controls;
    private readonly uint _multiprocessing;
    private readonly byte[] _events = new byte[64];
    private readonly byte[] _localApic = new byte[1024];
    private readonly byte[] _extended;
    private readonly KvmMsr[] _msrs;
    private readonly bool _hasLocalApic;

    /// <summary>Reads the state of a vCPU that has its CPUID and has not run.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public KvmPowerOnState(KvmHandle vcpu, int extendedBytes, uint[] msrs)
    {
        _extended = new byte[extendedBytes];
        const string operation = "read a new vCPU's state";
        fixed (KvmRegisters* registers = &_registers)
        fixed (KvmSystemRegisters* system = &_system)
        fixed (KvmDebugRegisters* debug = &_debug)
        fixed (KvmExtendedControls* controls = &_controls)
        fixed (uint* multiprocessing = &_multiprocessing)
        fixed (byte* events = _events, localApic = _localApic, extended = _extended)
        {
            vcpu.Call(KvmRequest.GetRegisters, registers, operation);
            vcpu.Call(KvmRequest.GetSystemRegisters, system, operation);
            vcpu.Call(KvmRequest.GetDebugRegisters, debug, operation);
            vcpu.Call(KvmRequest.GetXcrs, controls, operation);
            vcpu.Call(KvmRequest.GetVcpuEvents, events, operation);
            vcpu.Call(extendedBytes > 4096 ? KvmRequest.GetXsave2 : KvmRequest.GetXsave, extended, operation);

            // A VM without interrupt controllers has neither.
            _hasLocalApic = vcpu.Try(KvmRequest.GetLocalApic, localApic) == 0
                && vcpu.Try(KvmRequest.GetMultiprocessingState, multiprocessing) == 0;
        }

        KvmMsr[] all = [.. msrs.Where(index => index != KvmMsrs.TimestampCounter).Select(index => new KvmMsr { Index = index })];
        HashSet<int> refused = [];
        KvmMsrs.Read(vcpu, all, index => refused.Add(index));
        _msrs = [.. all.Where((_, index) => !refused.Contains(index))];
    }

    /// <summary>Puts the state back. For the vCPU's thread, or while it does not run.</summary>
    /// <exception cref="Linux.LinuxException">The kernel refused.</exception>
    public void Write(KvmHandle vcpu)
    {
        const string operation = "reset a vCPU";
        fixed (KvmRegisters* registers = &_registers)
        fixed (KvmSystemRegisters* system = &_system)
        fixed (KvmDebugRegisters* debug = &_debug)
        fixed (KvmExtendedControls* controls = &_controls)
        fixed (uint* multiprocessing = &_multiprocessing)
        fixed (byte* events = _events, localApic = _localApic, extended = _extended)
        {
            if (_hasLocalApic)
            {
                vcpu.Call(KvmRequest.SetMultiprocessingState, multiprocessing, operation);
            }

            vcpu.Call(KvmRequest.SetSystemRegisters, system, operation);
            vcpu.Call(KvmRequest.SetXcrs, controls, operation);
            vcpu.Call(KvmRequest.SetXsave, extended, operation);
            KvmMsrs.Write(vcpu, (KvmMsr[])_msrs.Clone());

            // After the APIC base, which the system registers carry.
            if (_hasLocalApic)
            {
                vcpu.Call(KvmRequest.SetLocalApic, localApic, operation);
            }

            vcpu.Call(KvmRequest.SetDebugRegisters, debug, operation);
            vcpu.Call(KvmRequest.SetVcpuEvents, events, operation);
            vcpu.Call(KvmRequest.SetRegisters, registers, operation);
        }
    }
}
