using System.Runtime.InteropServices;
using Nacelle.Cpu;
using Nacelle.Kvm.Interop;
using Nacelle.Linux;

namespace Nacelle.Kvm;

/// <summary>A vCPU of KVM. Halts, INIT, start-up and interrupts are the host kernel's.</summary>
/// <remarks>
/// State and <see cref="Run"/> are for one thread at a time; <see cref="RequestExit"/> and <see cref="NotifyInterrupt"/>
/// for any.
/// </remarks>
public sealed unsafe partial class KvmVirtualCpu : IVirtualCpu, IVirtualCpuDebug
{
    private const int EmptyDrainLimit = 1000;

    private readonly KvmHandle _handle;
    private readonly MachineBus _bus;
    private readonly MemoryMapping _area;
    private readonly KvmRunArea* _run;
    private readonly KvmDirtyLog _dirtyLog;
    private readonly VcpuKick _kick;
    private readonly bool _controlsTscOffset;
    private readonly KvmPowerOnState _powerOn;
    private bool _completionPending;

    internal KvmVirtualCpu(
        VirtualCpuConfiguration configuration,
        MachineBus bus,
        KvmHandle handle,
        ulong runSize,
        KvmFacts facts,
        KvmDirtyLog dirtyLog,
        uint[] msrs)
    {
        _handle = handle;
        _bus = bus;
        _dirtyLog = dirtyLog;
        Index = configuration.Index;
        ExtendedStateBytes = facts.ExtendedStateBytes;
        _debugFlags = facts.GuestDebugFlags;
        KvmCpuid.Install(handle, configuration.Cpuid);
        _controlsTscOffset = KvmTscOffset.IsSupported(handle);
        _powerOn = new KvmPowerOnState(handle, facts.ExtendedStateBytes, msrs);
        _area = MemoryMapping.OfFile(handle.Descriptor, 0, runSize, MemoryProtection.Read | MemoryProtection.Write);
        _run = (KvmRunArea*)_area.Address;
        _kick = new VcpuKick(handle);
    }

    /// <inheritdoc/>
    public int Index { get; }

    /// <inheritdoc/>
    public VirtualCpuExit Run()
    {
        _kick.Enter();
        try
        {
            // Tells a guest with a paravirtual clock that it stood still, so that its watchdogs do not blame a lockup. Refused
            // before the guest has such a clock.
            _ = _handle.Try(KvmRequest.ClockControl, 0);
            return RunUntilExit();
        }
        finally
        {
            _kick.Leave();
        }
    }

    /// <inheritdoc/>
    public void RequestExit() => _kick.Request();

    /// <inheritdoc/>
    public void NotifyInterrupt()
    {
        // The LAPIC is in the host kernel, which wakes the vCPU itself.
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Always: INIT is the host kernel's.</exception>
    public void SignalInit() => throw new InvalidOperationException(
        "INIT cannot be signalled to a vCPU of KVM from outside: its in-kernel LAPIC delivers it");

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Always: start-up is the host kernel's.</exception>
    public void SignalStartup(byte vector) => throw new InvalidOperationException(
        "start-up cannot be signalled to a vCPU of KVM from outside: its in-kernel LAPIC delivers it");

    /// <inheritdoc/>
    public void Dispose()
    {
        _area.Dispose();
        _handle.Dispose();
    }

    private VirtualCpuExit RunUntilExit()
    {
        int emptyDrains = 0;
        while (true)
        {
            if (_kick.IsRequested)
            {
                if (!_completionPending)
                {
                    _kick.TakeRequest();
                    return new VirtualCpuExit(VirtualCpuExitReason.Requested);
                }

                // An access to a device takes effect in the registers at the next entry; this one goes no further.
                _run->ImmediateExit = 1;
            }

            if (Libc.Ioctl(_handle.Descriptor, KvmRequest.Run, 0) < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error is not (Libc.EINTR or Libc.EAGAIN))
                {
                    return Failed($"KVM_RUN: {Marshal.GetPInvokeErrorMessage(error)}");
                }

                // EAGAIN: an application processor was woken for another reason than its start-up.
                _completionPending = false;
                _run->ImmediateExit = 0;
                _kick.Drain();
                continue;
            }

            _completionPending = false;
            switch (_run->ExitReason)
            {
                case KvmExit.Port:
                    DispatchPort();
                    break;
                case KvmExit.Memory:
                    DispatchMemory();
                    break;
                case KvmExit.Interrupted:
                    break;
                case KvmExit.Debug:
                    if (TakeDebugExit() is VirtualCpuDebugStop stop)
                    {
                        return new VirtualCpuExit(VirtualCpuExitReason.Debug, null, stop);
                    }

                    break;
                case KvmExit.DirtyRingFull:
                    // Once is another thread's doing; again and again, the kernel has lost its place in the ring.
                    emptyDrains = _dirtyLog.Drain() ? 0 : emptyDrains + 1;
                    if (emptyDrains == EmptyDrainLimit)
                    {
                        return Failed("KVM says that its dirty ring is full but has no entry in it: log dirty pages in bitmaps");
                    }

                    break;
                case KvmExit.Shutdown:
                    return new VirtualCpuExit(VirtualCpuExitReason.Shutdown);
                case KvmExit.SystemEvent:
                    return new VirtualCpuExit(
                        VirtualCpuExitReason.Shutdown, $"the guest asked KVM for system event {_run->SubReason}");
                default:
                    return Failed(KvmFailure.Describe(_run, _handle, _bus.Ram));
            }
        }
    }

    private VirtualCpuExit Failed(string detail) =>
        new(VirtualCpuExitReason.Failed, $"vCPU {Index} cannot go on: {detail}");

    private void DispatchPort()
    {
        _completionPending = true;
        int size = _run->PortSize;
        ushort port = _run->Port;
        byte* data = _area.Address + _run->PortDataOffset;
        bool isWrite = _run->PortDirection != 0;

        // A string instruction arrives as several accesses of one size to one port.
        for (uint left = _run->PortCount; left > 0; left--, data += size)
        {
            if (isWrite)
            {
                _bus.Ports.Write(port, size, Load(data, size));
            }
            else
            {
                Store(data, size, _bus.Ports.Read(port, size));
            }
        }
    }

    private void DispatchMemory()
    {
        _completionPending = true;
        ulong address = _run->MemoryAddress;
        byte* data = _run->MemoryData;
        int left = (int)Math.Min(_run->MemoryLength, 8);
        bool isWrite = _run->MemoryIsWrite != 0;

        // An access across a page arrives in two parts whose lengths need not be powers of two.
        while (left > 0)
        {
            int size = 1 << int.Log2(left);
            if (isWrite)
            {
                _bus.Memory.Write(address, size, Load(data, size));
            }
            else
            {
                Store(data, size, _bus.Memory.Read(address, size));
            }

            address += (ulong)size;
            data += size;
            left -= size;
        }
    }

    private static ulong Load(byte* data, int size) => size switch
    {
        1 => *data,
        2 => *(ushort*)data,
        4 => *(uint*)data,
        _ => *(ulong*)data,
    };

    private static void Store(byte* data, int size, ulong value)
    {
        switch (size)
        {
            case 1:
                *data = (byte)value;
                break;
            case 2:
                *(ushort*)data = (ushort)value;
                break;
            case 4:
                *(uint*)data = (uint)value;
                break;
            default:
                *(ulong*)data = value;
                break;
        }
    }
}
