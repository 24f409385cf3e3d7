using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Nacelle.Network;

/// <summary>Finds out why a port cannot be forwarded: passt keeps silent where it gets only a part of what was asked for.</summary>
internal static class PortProbe
{
    private const int LastPrivileged = 1023;

    /// <exception cref="NetworkOpenException">A port is zero, named twice, taken or not for this user, or the host does not have the address.</exception>
    public static void Check(ImmutableArray<ForwardedPort> forwards)
    {
        Dictionary<(bool, ushort), ForwardedPort> seen = [];
        foreach (ForwardedPort forward in forwards)
        {
            if (forward.HostPort == 0 || forward.GuestPort == 0)
            {
                throw new NetworkOpenException($"cannot forward {forward.HostPort}:{forward.GuestPort}: give ports from 1 to 65535");
            }

            // passt knows a port by its number alone, whatever the addresses.
            if (!seen.TryAdd((forward.IsDatagram, forward.HostPort), forward))
            {
                throw new NetworkOpenException($"{forward} is forwarded twice: give each forward a host port of its own");
            }

            if (TryTake(forward) is { } error)
            {
                string reason = error switch
                {
                    SocketError.AccessDenied => "only root may listen below port 1024; use a higher port",
                    SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported =>
                        "this host has no such address; 'ip address' lists those it has",
                    _ => "another program listens there; stop it, or use another port",
                };
                throw new NetworkOpenException($"cannot forward {forward}: {reason}");
            }
        }
    }

    /// <exception cref="NetworkOpenException">passt serves, but does not listen on a port.</exception>
    public static void CheckTaken(ImmutableArray<ForwardedPort> forwards)
    {
        foreach (ForwardedPort forward in forwards)
        {
            if (TryTake(forward) is null)
            {
                string remedy = forward.HostPort <= LastPrivileged ? "use a port above 1023" : "run 'passt --foreground' to see why";
                throw new NetworkOpenException($"cannot forward {forward}: passt could not listen there; {remedy}");
            }
        }
    }

    /// <returns>Null where the port could be had, which is given back at once.</returns>
    private static SocketError? TryTake(ForwardedPort forward)
    {
        IPAddress address = forward.Address ?? IPAddress.Any;
        try
        {
            using Socket socket = forward.IsDatagram
                ? new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp)
                : new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, forward.HostPort));
            if (!forward.IsDatagram)
            {
                socket.Listen(1);
            }

            return null;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode;
        }
    }
}
