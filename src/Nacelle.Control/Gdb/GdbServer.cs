using System.Net.Sockets;
using Nacelle.Configuration;
using Nacelle.Linux;
using Nacelle.Machine;

namespace Nacelle.Control.Gdb;

/// <summary>Waits for gdb on a TCP port of the loopback interface or a UNIX socket, for one gdb at a time.</summary>
/// <remarks>
/// Made before the machine starts and disposed before the machine. Everything about the connection belongs to a loop of its own; a
/// connection that breaks, or sends what is no protocol, lets the machine go on.
/// </remarks>
public sealed class GdbServer : IDisposable
{
    private const int SendPatienceMilliseconds = 10_000;
    private readonly EventLoop _loop;
    private readonly GdbListener _listener;
    private readonly GdbMachineTarget _target;
    private readonly Task<MachineStop> _completion;
    private readonly byte[] _buffer = new byte[4096];
    private Socket? _client;
    private GdbSession? _session;
    private bool _disposed;

    private GdbServer(GdbListener listener, VirtualMachine machine)
    {
        _listener = listener;
        _target = new GdbMachineTarget(machine);
        _completion = machine.Completion;
        _loop = machine.NewLoop("gdb");
        machine.Debugger.Stopped += stop => _loop.Post(() => _session?.OnStopped(stop));
        _ = machine.Completion.ContinueWith(
            ended => _loop.Post(() => EndSession(ended.Result)),
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        _loop.Watch(listener.Descriptor, PollEvents.Readable, _ => Accept());
    }

    /// <summary>What to type at gdb's prompt to connect, such as "target remote localhost:1234".</summary>
    public string Invitation => _listener.Invitation;

    /// <summary>Raised on the server's loop with a line about connections and what could not be had.</summary>
    public event Action<string>? Diagnostic;

    /// <summary>Begins to listen.</summary>
    /// <param name="option">Where, and whether the machine waits.</param>
    /// <param name="machine">The machine, not started yet.</param>
    /// <exception cref="MachineException">The host does not allow it, or the accelerator cannot be debugged. Nothing is left behind.</exception>
    public static GdbServer Start(GdbOption option, VirtualMachine machine)
    {
        ArgumentNullException.ThrowIfNull(option);
        ArgumentNullException.ThrowIfNull(machine);
        if (machine.Debugger.Refusal is string refusal)
        {
            throw new MachineException(MachineErrorKind.HostResource, $"--gdb: {refusal}");
        }

        GdbServer server = new(GdbListener.Open(option), machine);
        if (option.Wait)
        {
            machine.Debugger.Stop();
        }

        return server;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _loop.Invoke(CloseOrEnd);
        _loop.Dispose();
        _listener.Dispose();
    }

    private void Accept()
    {
        Socket client;
        try
        {
            client = _listener.Accept();
        }
        catch (SocketException)
        {
            // It went away before it was accepted.
            return;
        }

        if (_client is not null)
        {
            Diagnostic?.Invoke("a second gdb was turned away: one is connected");
            client.Dispose();
            return;
        }

        client.SendTimeout = SendPatienceMilliseconds;
        _client = client;
        _session = new GdbSession(_target, Send, line => Diagnostic?.Invoke($"gdb: {line}"));
        _loop.Watch((int)client.Handle, PollEvents.Readable, _ => Receive());
        Diagnostic?.Invoke("gdb is connected: the machine is stopped");
    }

    private void Receive()
    {
        if (_client is not Socket client || _session is not GdbSession session)
        {
            return;
        }

        int count;
        try
        {
            count = client.Receive(_buffer);
        }
        catch (SocketException)
        {
            count = 0;
        }

        session.Receive(_buffer.AsSpan(0, count));
        if (count == 0 || session.IsOver)
        {
            Close();
            Diagnostic?.Invoke("gdb is gone: the machine goes on without it");
        }
    }

    private void Send(byte[] bytes)
    {
        try
        {
            for (int sent = 0; sent < bytes.Length;)
            {
                sent += _client!.Send(bytes.AsSpan(sent));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Whoever does not read is as good as gone; the next read says so.
            _client?.Shutdown(SocketShutdown.Both);
        }
    }

    private void EndSession(MachineStop stop)
    {
        _session?.OnEnded(stop.Reason switch
        {
            MachineStopReason.PowerOff => 0,
            MachineStopReason.DebugExit => (int)Math.Min(stop.GuestCode, byte.MaxValue),
            _ => 1,
        });
        Close();
    }

    /// <summary>Whoever disposes may have heard of the machine's end before this loop did: gdb is still to be told.</summary>
    private void CloseOrEnd()
    {
        if (_completion.IsCompletedSuccessfully)
        {
            EndSession(_completion.Result);
        }
        else
        {
            Close();
        }
    }

    private void Close()
    {
        if (_client is not Socket client)
        {
            return;
        }

        _loop.Unwatch((int)client.Handle);
        _client = null;
        _session!.End();
        _session = null;
        client.Dispose();
    }
}
