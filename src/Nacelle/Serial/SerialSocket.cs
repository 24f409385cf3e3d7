using System.Net.Sockets;
using Nacelle.Devices.Platform;
using Nacelle.Linux;
using Nacelle.Machine;

namespace Nacelle;

/// <summary>A serial port on a UNIX socket: one client at a time, whose bytes arrive in the guest.</summary>
/// <remarks>
/// Output is lost while nobody is connected, and when a client leaves 256 KiB unread. The socket is for this user alone
/// (mode 0600) and is unlinked at the end.
/// </remarks>
internal sealed class SerialSocket : ISerialConnection
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private readonly string _path;
    private readonly Socket _listener;
    private readonly BytePipe _queue;
    private readonly Thread _thread;
    private SerialInputFeeder? _feeder;
    private volatile Socket? _client;
    private volatile bool _ended;

    /// <summary>Listens; a socket that nobody listens on any more is replaced.</summary>
    /// <exception cref="MachineException">The host does not allow it.</exception>
    public SerialSocket(string path)
    {
        _path = Path.GetFullPath(path);
        _listener = LocalListener.Open(path, 1, out string? refusal)
            ?? throw new MachineException(MachineErrorKind.HostResource, $"cannot listen on serial socket '{path}': {refusal}");
        _queue = new BytePipe("serial socket", BytePipeOverflow.Drop, Take);
        _thread = new Thread(Serve) { Name = "serial clients", IsBackground = true };
    }

    /// <inheritdoc/>
    public event Action<string>? Diagnostic;

    /// <inheritdoc/>
    public void Attach(SerialPort port)
    {
        _feeder = new SerialInputFeeder(port);
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes) => _queue.Write(bytes);

    /// <inheritdoc/>
    public void Cancel()
    {
        _queue.Cancel();
        _feeder?.Cancel();
    }

    /// <inheritdoc/>
    public void Drain()
    {
        if (_client is not null)
        {
            // A client that reads gets everything; one that does not keeps no machine that has ended.
            if (!_queue.Drain(s_patience) && !_ended)
            {
                Diagnostic?.Invoke($"serial socket '{_path}': the client does not read; the end of the output is lost");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        Cancel();
        _queue.Dispose();
        LocalListener.Close(_listener, _path);
        _client?.Dispose();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _feeder?.Dispose();
    }

    private void Serve()
    {
        byte[] buffer = new byte[4096];
        while (!_ended)
        {
            try
            {
                using Socket client = _listener.Accept();
                _client = client;
                int count;
                while (!_ended && (count = client.Receive(buffer)) > 0)
                {
                    _feeder!.Feed(buffer.AsSpan(0, count));
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // A client that went away makes room for the next; a listener that is gone ends the loop.
            }
            finally
            {
                _client = null;
            }
        }
    }

    private void Take(ReadOnlyMemory<byte> bytes)
    {
        if (_queue.TakeLost() is long lost and > 0)
        {
            Diagnostic?.Invoke($"serial socket '{_path}': the client reads too slowly, {lost} bytes of output are lost");
        }

        try
        {
            Socket? client = _client;
            while (client is not null && !bytes.IsEmpty)
            {
                bytes = bytes[client.Send(bytes.Span)..];
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The client went away, and these bytes with it.
        }
    }
}
