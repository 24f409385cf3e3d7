using System.Net.Sockets;

namespace Nacelle.Linux;

/// <summary>Listens on UNIX sockets for this user alone (unix(7)).</summary>
public static class LocalListener
{
    /// <summary>Longest path in bytes: sun_path less the terminating zero.</summary>
    public const int LongestPath = 107;

    /// <summary>Binds and listens, with mode 0600; a socket that nobody listens on any more is replaced.</summary>
    /// <param name="path">The socket's file.</param>
    /// <param name="backlog">Clients that may wait to be accepted.</param>
    /// <param name="refusal">What is in the way and what to change, in one line; null on success.</param>
    /// <returns>The listening socket, whose file its owner removes; null where the host does not allow it.</returns>
    public static Socket? Open(string path, int backlog, out string? refusal)
    {
        Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            if (IsStale(path))
            {
                File.Delete(path);
            }

            // Between bind and listen nobody can connect, so nobody gets in before the mode is set.
            listener.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            listener.Listen(backlog);
            string file = Path.GetFullPath(path);
            Leftovers.Add(listener, () => File.Delete(file));
            refusal = null;
            return listener;
        }
        catch (Exception error) when (error is SocketException or IOException or UnauthorizedAccessException)
        {
            listener.Dispose();
            refusal = error switch
            {
                SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => HostFile.KindOf(path) != HostFileKind.Socket
                    ? "a file of that name exists; remove it or choose another path"
                    : "another process listens on it; choose another path",
                SocketException { SocketErrorCode: SocketError.AccessDenied } =>
                    "permission denied; choose a path that this user may write",
                _ when !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))) =>
                    "its directory does not exist; create it or correct the path",
                _ => error.Message,
            };
            return null;
        }
    }

    /// <summary>Closes a listener and removes its file, unless something else has taken the file's place.</summary>
    /// <param name="listener">From <see cref="Open"/>.</param>
    /// <param name="path">Its file.</param>
    public static void Close(Socket listener, string path)
    {
        ArgumentNullException.ThrowIfNull(listener);
        Leftovers.Remove(listener);
        listener.Dispose();

        // A socket that is listened on belongs to the next machine already, and a file was never ours.
        if (IsStale(path))
        {
            File.Delete(path);
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
}
