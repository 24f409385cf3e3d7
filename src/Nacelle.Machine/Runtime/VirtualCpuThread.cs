using Nacelle.Cpu;
using Nacelle.Devices.Interrupts;
using Nacelle.Memory;

namespace Nacelle.Machine.Runtime;

/// <summary>The host thread of a vCPU: runs it, parks it on request, reports why it ended.</summary>
/// <remarks>Requests come from the machine's control loop only; the vCPU's state may be touched there while it is parked.</remarks>
internal sealed class VirtualCpuThread
{
    private readonly object _gate = new();
    private readonly IVirtualCpu _processor;
    private readonly GuestMemory _ram;
    private readonly Action<int, VirtualCpuExit> _ended;
    private readonly Thread _thread;
    private State _wanted = State.Parked;

    // A thread that has not been started runs nothing, and nobody has to wait for it.
    private bool _parked = true;

    /// <summary>Makes a parked vCPU thread.</summary>
    /// <param name="processor">The vCPU.</param>
    /// <param name="ram">The machine's RAM, for the report of a defect.</param>
    /// <param name="ended">Called on the vCPU's thread when the guest cannot go on; the vCPU parks itself then.</param>
    internal VirtualCpuThread(IVirtualCpu processor, GuestMemory ram, Action<int, VirtualCpuExit> ended)
    {
        _processor = processor;
        _ram = ram;
        _ended = ended;
        _thread = new Thread(Body) { IsBackground = true, Name = $"vCPU {processor.Index}" };
    }

    private enum State
    {
        Parked,
        Running,
        Ended,
    }

    internal void Start() => _thread.Start();

    internal void Resume() => Want(State.Running);

    /// <summary>Asks the vCPU to stop; <see cref="WaitParked"/> tells when it has.</summary>
    internal void RequestPark()
    {
        Want(State.Parked);
        _processor.RequestExit();
    }

    internal void WaitParked()
    {
        lock (_gate)
        {
            while (!_parked)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Ends the thread and waits for it.</summary>
    internal void End()
    {
        Want(State.Ended);
        _processor.RequestExit();
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted))
        {
            return;
        }

        _thread.Join();
    }

    private void Want(State state)
    {
        lock (_gate)
        {
            _wanted = _wanted == State.Ended ? State.Ended : state;
            Monitor.PulseAll(_gate);
        }
    }

    private void Body()
    {
        CurrentProcessor.Index = _processor.Index;
        while (AwaitPermission())
        {
            VirtualCpuExit exit = Run();
            if (exit.Reason != VirtualCpuExitReason.Requested)
            {
                lock (_gate)
                {
                    _wanted = _wanted == State.Running ? State.Parked : _wanted;
                }

                _ended(_processor.Index, exit);
            }
        }
    }

    /// <summary>The last line: what throws here or in a device that the guest reached ends this machine, not the process.</summary>
    private VirtualCpuExit Run()
    {
        try
        {
            return _processor.Run();
        }
        catch (Exception error)
        {
            string guest = GuestPlace.Describe(_processor, _ram);
            return new VirtualCpuExit(VirtualCpuExitReason.Failed, $"{DefectReport.Describe($"vCPU {_processor.Index}", error)}; {guest}");
        }
    }

    private bool AwaitPermission()
    {
        lock (_gate)
        {
            _parked = _wanted != State.Running;
            Monitor.PulseAll(_gate);
            while (_wanted == State.Parked)
            {
                Monitor.Wait(_gate);
            }

            _parked = _wanted != State.Running;
            return _wanted == State.Running;
        }
    }
}
