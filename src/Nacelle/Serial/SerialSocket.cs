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
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            Listen(path);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

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
            _queue.Drain();
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
        _listener.Dispose();
        _client?.Dispose();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _feeder?.Dispose();
        File.Delete(_path);
    }

    private void Listen(string path)
    {
        if (IsStale(path))
        {
            File.Delete(path);
        }

        try
        {
            // Between bind and listen nobody can connect, so nobody gets in before the mode is set.
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            _listener.Listen(1);
        }
        catch (Exception error) when (error is SocketException or IOException or UnauthorizedAccessException)
        {
            string reason = error switch
            {
                SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => HostFile.KindOf(path) != HostFileKind.Socket
                    ? "a file of that name exists; remove it or choose another path"
                    : "another process listens on it; choose another path",
                SocketException { SocketErrorCode: SocketError.AccessDenied } =>
                    "permission denied; choose a path that this user may write",
                _ when !Directory.Exists(Path.GetDirectoryName(_path)) =>
                    "its directory does not exist; create it or correct the path",
                _ => error.Message,
            };
            throw new MachineException(
                MachineErrorKind.HostResource, $"cannot listen on serial socket '{path}': {reason}", error);
        }
    }

    /// <summary>Whether the path is a socket that a process left behind when it died.</summary>
    private static bool IsStale(string path)
    {
        if (HostFile.KindOf(path) != HostFileKind.Socket)
        {
            return false;
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return false;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode == SocketError.ConnectionRefused;
        }
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
