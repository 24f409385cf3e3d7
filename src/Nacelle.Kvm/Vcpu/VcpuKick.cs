using Nacelle.Kvm.Interop;
using Nacelle.Linux;

namespace Nacelle.Kvm;

/// <summary>Gets a vCPU's thread out of KVM_RUN from any other thread.</summary>
/// <remarks>
/// <para>
/// The signal is blocked in the vCPU's thread and let through only inside KVM_RUN (KVM_SET_SIGNAL_MASK), which returns
/// instead of delivering it. So no handler exists, and a signal that comes a moment before KVM_RUN is not lost: it is
/// pending, and KVM_RUN returns at once.
/// </para>
/// <para>A lock keeps the thread inside while it is being signalled: its number may belong to another thread afterwards.</para>
/// </remarks>
internal sealed unsafe class VcpuKick(KvmHandle vcpu)
{
    /// <summary>A real-time signal of the C library's range that the .NET runtime does not use.</summary>
    private const int Signal = 40;

    private const ulong SignalBit = 1UL << (Signal - 1);

    private readonly Lock _lock = new();
    private SignalSet _previousMask;
    private ulong _maskInKernel = ulong.MaxValue;
    private int _thread;
    private int _requested;

    /// <summary>Whether an exit was asked for and not yet taken.</summary>
    public bool IsRequested => Volatile.Read(ref _requested) != 0;

    /// <summary>Takes the request.</summary>
    public void TakeRequest() => Volatile.Write(ref _requested, 0);

    /// <summary>Asks for an exit. Any thread.</summary>
    public void Request()
    {
        Volatile.Write(ref _requested, 1);
        lock (_lock)
        {
            if (_thread != 0)
            {
                _ = Libc.SignalThread(Environment.ProcessId, _thread, Signal);
            }
        }
    }

    /// <summary>Prepares the calling thread to run the vCPU.</summary>
    /// <exception cref="InvalidOperationException">Another thread runs it.</exception>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void Enter()
    {
        SignalSet blocked = new() { Kernel = SignalBit };
        SignalSet previous;
        _ = Libc.SignalMask(Libc.SignalBlock, &blocked, &previous);
        bool entered = false;
        try
        {
            lock (_lock)
            {
                if (_thread != 0)
                {
                    throw new InvalidOperationException("this vCPU is already running on another thread");
                }

                LetThrough(previous.Kernel & ~SignalBit);
                _previousMask = previous;
                _thread = Libc.ThreadId();
                entered = true;
            }
        }
        finally
        {
            if (!entered)
            {
                _ = Libc.SignalMask(Libc.SignalSetMask, &previous, null);
            }
        }
    }

    /// <summary>Leaves the thread as <see cref="Enter"/> found it.</summary>
    public void Leave()
    {
        SignalSet previous;
        lock (_lock)
        {
            _thread = 0;
            previous = _previousMask;
        }

        // Pending, it would end the process as soon as it is unblocked: it has no handler.
        Drain();
        _ = Libc.SignalMask(Libc.SignalSetMask, &previous, null);
    }

    /// <summary>Takes pending signals away.</summary>
    public void Drain()
    {
        SignalSet taken = new() { Kernel = SignalBit };
        long* immediately = stackalloc long[2];
        immediately[0] = 0;
        immediately[1] = 0;

        // Real-time signals queue: one for each request.
        while (Libc.TakeSignal(&taken, null, immediately) == Signal)
        {
        }
    }

    private void LetThrough(ulong mask)
    {
        if (mask == _maskInKernel)
        {
            return;
        }

        // struct kvm_signal_mask: the length of the kernel's set, then the set.
        byte* request = stackalloc byte[12];
        *(uint*)request = sizeof(ulong);
        *(ulong*)(request + 4) = mask;
        vcpu.Call(KvmRequest.SetSignalMask, request, "set the signals that leave a vCPU");
        _maskInKernel = mask;
    }
}
