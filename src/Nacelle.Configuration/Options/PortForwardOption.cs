using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>The value of forward= of <c>--net user</c>: [tcp:|udp:][ADDRESS:]HOSTPORT:GUESTPORT.</summary>
internal static class PortForwardOption
{
    private const string EveryAddress = "*";
    private const string Stream = "tcp:";
    private const string Datagram = "udp:";

    /// <summary>How the value is written, for help and messages.</summary>
    internal const string Form = "[udp:][ADDRESS:]HOSTPORT:GUESTPORT";

    /// <summary>Reads a forward.</summary>
    /// <exception cref="ConfigurationException">It is not one.</exception>
    internal static PortForward Parse(string text)
    {
        bool datagram = text.StartsWith(Datagram, StringComparison.Ordinal);
        string rest = datagram || text.StartsWith(Stream, StringComparison.Ordinal) ? text[Stream.Length..] : text;
        string[] parts = SplitPorts(rest);
        if (parts.Length == 3 && TryPort(parts[1], out ushort host) && TryPort(parts[2], out ushort guest))
        {
            return new PortForward(host, guest, parts[0].Length == 0 ? PortForward.Loopback : Address(text, parts[0]), datagram);
        }

        throw new ConfigurationException(
            $"forward={text}: write {Form} with ports from 1 to 65535, such as 2222:22, 0.0.0.0:8080:80 or udp:[::1]:53:53");
    }

    /// <summary>Writes a forward; <see cref="Parse"/> reads it back.</summary>
    internal static string Format(PortForward forward)
    {
        string address = forward.Address switch
        {
            null => $"{EveryAddress}:",
            PortForward.Loopback => "",
            string other => other.Contains(':', StringComparison.Ordinal) ? $"[{other}]:" : $"{other}:",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{(forward.IsDatagram ? Datagram : "")}{address}{forward.HostPort}:{forward.GuestPort}");
    }

    /// <summary>Refuses a forward of which the host's port is taken by one before it.</summary>
    /// <exception cref="ConfigurationException">It is.</exception>
    internal static void CheckUnique(PortForward forward, ImmutableArray<PortForward> others)
    {
        if (others.Any(other => other.HostPort == forward.HostPort && other.IsDatagram == forward.IsDatagram))
        {
            throw new ConfigurationException(
                $"host port {(forward.IsDatagram ? Datagram : "")}{forward.HostPort.ToString(CultureInfo.InvariantCulture)} is forwarded twice: give each forward a port of its own");
        }
    }

    /// <summary>Reads an address of the host; null for every one.</summary>
    /// <exception cref="ConfigurationException">It is none.</exception>
    internal static string? Address(string where, string text)
    {
        if (text == EveryAddress)
        {
            return null;
        }

        bool bracketed = text is ['[', .., ']'];
        string bare = bracketed ? text[1..^1] : text;

        // IPAddress also takes "1" and "0x7f.1"; four numbers are what people mean.
        bool valid = IPAddress.TryParse(bare, out IPAddress? address)
            && !bare.Contains('%', StringComparison.Ordinal)
            && (address.AddressFamily == AddressFamily.InterNetworkV6 || (!bracketed && bare.Count(character => character == '.') == 3));
        return valid
            ? address!.ToString()
            : throw new ConfigurationException(
                $"forward={where}: '{text}' is not an address: write numbers, such as 192.0.2.1 or [2001:db8::1], or * for every address of this host");
    }

    /// <summary>The address, or nothing where there is none, and the two ports; fewer parts where a port is missing.</summary>
    private static string[] SplitPorts(string text)
    {
        int second = text.LastIndexOf(':');
        int first = second <= 0 ? -1 : text.LastIndexOf(':', second - 1);
        return second < 0 ? [text]
            : first < 0 ? ["", text[..second], text[(second + 1)..]]
            : first == 0 ? [text]
            : [text[..first], text[(first + 1)..second], text[(second + 1)..]];
    }

    private static bool TryPort(string text, out ushort port) =>
        ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port != 0;
}
