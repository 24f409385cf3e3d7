using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Nacelle.Network;

/// <summary>Finds out why a port cannot be forwarded: passt keeps silent where it gets only a part of what was asked for.</summary>
internal static class PortProbe
{
    /// <exception cref="NetworkOpenException">A port is zero, named twice, taken or not for this user.</exception>
    public static void Check(ImmutableArray<ForwardedPort> forwards)
    {
        HashSet<ushort> seen = [];
        foreach (ForwardedPort forward in forwards)
        {
            if (forward.HostPort == 0 || forward.GuestPort == 0)
            {
                throw new NetworkOpenException($"cannot forward port {forward.HostPort}:{forward.GuestPort}: ports are 1 to 65535");
            }

            if (!seen.Add(forward.HostPort))
            {
                throw new NetworkOpenException($"cannot forward port {forward.HostPort} twice: name each host port once");
            }

            if (TryTake(forward.HostPort) is { } error)
            {
                string reason = error == SocketError.AccessDenied
                    ? "this user may not listen below port 1024; use a higher one"
                    : "something on the host listens there already; use another one or stop that";
                throw new NetworkOpenException($"cannot forward port {forward.HostPort}: {reason}");
            }
        }
    }

    /// <exception cref="NetworkOpenException">passt serves, but does not listen on a port.</exception>
    public static void CheckTaken(ImmutableArray<ForwardedPort> forwards)
    {
        foreach (ForwardedPort forward in forwards)
        {
            if (TryTake(forward.HostPort) is null)
            {
                throw new NetworkOpenException(
                    $"cannot forward port {forward.HostPort}: passt does not get it; use one above 1023");
            }
        }
    }

    /// <returns>Null where the port could be had, which is given back at once.</returns>
    private static SocketError? TryTake(ushort port)
    {
        try
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            socket.Listen(1);
            return null;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode;
        }
    }
}
