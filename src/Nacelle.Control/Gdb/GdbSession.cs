using System.Collections.Immutable;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Control.Gdb;

/// <summary>
/// One gdb that is connected: its packets in, replies out (GDB manual, appendix E). All-stop: while the machine runs, only an
/// interrupt is listened to.
/// </summary>
/// <remarks>For one thread. What arrives is hostile: it can move the machine, which is what it is for, and nothing else.</remarks>
internal sealed partial class GdbSession
{
    private const int SignalTrap = 5;
    private const int SignalInterrupt = 2;
    private readonly IGdbTarget _target;
    private readonly Action<byte[]> _send;
    private readonly Action<string> _diagnostic;
    private readonly GdbPacketReader _reader = new();
    private byte[] _last = [];
    private string _stopReply;
    private GdbPoints _points = GdbPoints.None;
    private GdbProcessorImage? _image;
    private int _imageOf = -1;
    private int _general;
    private GdbThread _resumed = GdbThread.All;
    private bool _noAcknowledgements;
    private bool _tellsSoftware;
    private bool _tellsHardware;

    /// <summary>Begins with the machine stopped.</summary>
    /// <param name="target">The machine; stopped here.</param>
    /// <param name="send">Takes bytes for gdb.</param>
    /// <param name="diagnostic">Takes lines for the person at the monitor.</param>
    public GdbSession(IGdbTarget target, Action<byte[]> send, Action<string> diagnostic)
    {
        _target = target;
        _send = send;
        _diagnostic = diagnostic;
        _target.Stop();
        _stopReply = $"T{SignalTrap:x2}thread:1;";
    }

    /// <summary>Whether the machine runs, as far as gdb knows.</summary>
    public bool IsRunning { get; private set; }

    /// <summary>Whether gdb has let go of the machine; the connection is to be closed.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Takes what has arrived.</summary>
    public void Receive(ReadOnlySpan<byte> bytes)
    {
        while (!IsOver && _reader.Take(ref bytes) is GdbInputKind kind)
        {
            switch (kind)
            {
                case GdbInputKind.Packet:
                    Acknowledge('+');
                    Handle(_reader.Content);
                    break;
                case GdbInputKind.TooLong:
                    Acknowledge('+');
                    Reply(Error(7));
                    break;
                case GdbInputKind.Damaged when _noAcknowledgements:
                    _diagnostic("gdb sent a damaged packet: the connection is closed");
                    End();
                    break;
                case GdbInputKind.Damaged:
                    Acknowledge('-');
                    break;
                case GdbInputKind.Refusal when !_noAcknowledgements && _last.Length != 0:
                    _send(_last);
                    break;
                case GdbInputKind.Interrupt when IsRunning:
                    _target.Stop();
                    Stopped(SignalInterrupt, 0, "");
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>The machine has stopped by itself.</summary>
    public void OnStopped(MachineDebugStop report)
    {
        // An interrupt may have been answered meanwhile.
        if (!IsRunning)
        {
            return;
        }

        Watchpoint watchpoint = report.Stop.Watchpoint;
        string reason = report.Stop.Kind switch
        {
            VirtualCpuDebugStopKind.Watchpoint => $"{NameOf(watchpoint.Kind)}:{GdbHex.Write(watchpoint.Address)};",
            VirtualCpuDebugStopKind.Breakpoint => BreakpointReason(report.VirtualCpu),
            _ => "",
        };
        Stopped(SignalTrap, report.VirtualCpu, reason);
    }

    /// <summary>The machine has ended.</summary>
    /// <param name="code">What gdb shows as the exit code, 0 to 255.</param>
    public void OnEnded(int code)
    {
        if (IsRunning)
        {
            Reply($"W{code & 0xFF:x2}");
        }

        IsOver = true;
    }

    /// <summary>gdb is gone: the machine goes on without it.</summary>
    public void End()
    {
        if (!IsOver)
        {
            IsOver = true;
            _target.Detach();
        }
    }

    private void Stopped(int signal, int virtualCpu, string reason)
    {
        IsRunning = false;
        _general = virtualCpu;
        _image = null;
        _stopReply = $"T{signal:x2}{reason}thread:{GdbHex.Write((ulong)virtualCpu + 1)};";
        Reply(_stopReply);
    }

    private string BreakpointReason(int virtualCpu)
    {
        CpuRegisters registers = _target.ReadRegisters(virtualCpu).Registers;
        ulong linear = registers.Cs.IsLong ? registers.Rip : (uint)(registers.Cs.Base + registers.Rip);
        bool software = _points.Breakpoints.GetValueOrDefault(linear, true);
        return software
            ? _tellsSoftware ? "swbreak:;" : ""
            : _tellsHardware ? "hwbreak:;" : "";
    }

    private static string NameOf(WatchpointKind kind) => kind switch
    {
        WatchpointKind.Write => "watch",
        WatchpointKind.Read => "rwatch",
        _ => "awatch",
    };

    private void Resume(ImmutableArray<VirtualCpuMotion> motions)
    {
        IsRunning = true;
        _image = null;
        _target.Resume(motions);
    }

    private void Acknowledge(char character)
    {
        if (!_noAcknowledgements)
        {
            _send([(byte)character]);
        }
    }

    private void Reply(string content)
    {
        _last = GdbPacketWriter.Frame(content);
        _send(_last);
    }

    /// <summary>An error reply. Numbers are those of errno.</summary>
    private static string Error(int number) => $"E{number:x2}";

    /// <summary>The registers of the vCPU that gdb looks at.</summary>
    private GdbProcessorImage Image()
    {
        if (_image is null || _imageOf != _general)
        {
            _image = _target.ReadRegisters(_general);
            _imageOf = _general;
        }

        return _image;
    }
}
