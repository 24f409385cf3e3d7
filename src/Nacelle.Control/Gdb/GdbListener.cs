using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Nacelle.Configuration;
using Nacelle.Linux;
using Nacelle.Machine;

namespace Nacelle.Control.Gdb;

/// <summary>The socket that gdb connects to. Whoever connects rules the machine, so it is for this host or this user alone.</summary>
internal sealed class GdbListener : IDisposable
{
    private const int Backlog = 4;
    private readonly Socket _socket;
    private readonly string? _path;

    private GdbListener(Socket socket, string? path)
    {
        _socket = socket;
        _path = path;
    }

    /// <summary>Readable when somebody connects.</summary>
    public int Descriptor => (int)_socket.Handle;

    /// <summary>What to type at gdb's prompt.</summary>
    public string Invitation => _path is not null
        ? $"target remote {_path}"
        : string.Create(CultureInfo.InvariantCulture, $"target remote localhost:{((IPEndPoint)_socket.LocalEndPoint!).Port}");

    /// <summary>Begins to listen.</summary>
    /// <exception cref="MachineException">The host does not allow it. Nothing is left behind.</exception>
    public static GdbListener Open(GdbOption option) => option.Path is string path ? OpenPath(path) : OpenPort(option.Port);

    /// <summary>Takes a connection.</summary>
    /// <exception cref="SocketException">It went away.</exception>
    public Socket Accept()
    {
        Socket client = _socket.Accept();
        if (_path is null)
        {
            client.NoDelay = true;
        }

        return client;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_path is not null)
        {
            LocalListener.Close(_socket, _path);
        }
        else
        {
            _socket.Dispose();
        }
    }

    private static GdbListener OpenPort(int port)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen(Backlog);
            return new GdbListener(socket, null);
        }
        catch (SocketException error)
        {
            socket.Dispose();
            string reason = error.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "another process listens on it; choose another port, or tcp:0 for a free one",
                SocketError.AccessDenied => "permission denied; choose a port above 1023",
                _ => error.Message,
            };
            throw new MachineException(
                MachineErrorKind.HostResource,
                string.Create(CultureInfo.InvariantCulture, $"cannot listen for gdb on port {port}: {reason}"),
                error);
        }
    }

    private static GdbListener OpenPath(string path) => LocalListener.Open(path, Backlog, out string? refusal) is Socket socket
        ? new GdbListener(socket, Path.GetFullPath(path))
        : throw new MachineException(MachineErrorKind.HostResource, $"cannot listen for gdb on socket '{path}': {refusal}");
}
