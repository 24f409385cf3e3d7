using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Nacelle.Linux;

namespace Nacelle.Network.Tests;

public sealed unsafe class PasstBackendTests
{
    [HostFact(HostAbility.Passt)]
    public void Passt_answers_a_discover_with_an_offer_and_leaves_with_its_socket()
    {
        int process;
        using (PasstBackend passt = PasstBackend.Start([]))
        {
            process = passt.ProcessId;
            Assert.True(Directory.Exists($"/proc/{process}"));
            byte[] answer = Exchange(passt.QueuePairs[0], DhcpDiscover());

            // UDP from port 67 to 68, BOOTREPLY for the same transaction.
            Assert.Equal([0, 67, 0, 68], answer[34..38]);
            Assert.Equal(2, answer[42]);
            Assert.Equal([0x12, 0x34, 0x56, 0x78], answer[46..50]);
        }

        Assert.False(Directory.Exists($"/proc/{process}"), "passt is still there");
    }

    [HostFact(HostAbility.Passt)]
    public void A_forwarded_port_listens_on_its_address_alone_while_passt_runs()
    {
        ushort port = FreePort();
        IPAddress other = IPAddress.Parse("127.0.0.2");
        using (PasstBackend.Start([new ForwardedPort(port, 80, IPAddress.Loopback)]))
        {
            Assert.Equal(SocketError.AddressAlreadyInUse, Listen(IPAddress.Loopback, port));
            Assert.Null(Listen(other, port));
            Assert.Null(Bind(IPAddress.Loopback, port));
        }

        Assert.Null(Listen(IPAddress.Loopback, port));
    }

    [HostFact(HostAbility.Passt)]
    public void A_port_forwarded_from_every_address_listens_on_every_address()
    {
        ushort port = FreePort();
        using PasstBackend passt = PasstBackend.Start([new ForwardedPort(port, 80, null)]);
        Assert.Equal(SocketError.AddressAlreadyInUse, Listen(IPAddress.Parse("127.0.0.2"), port));
    }

    [HostFact(HostAbility.Passt)]
    public void A_port_of_UDP_is_forwarded_beside_the_same_of_TCP()
    {
        ushort port = FreePort();
        using PasstBackend passt = PasstBackend.Start([new ForwardedPort(port, 53, IPAddress.Loopback), new ForwardedPort(port, 53, IPAddress.Loopback, true)]);
        Assert.Equal(SocketError.AddressAlreadyInUse, Listen(IPAddress.Loopback, port));
        Assert.Equal(SocketError.AddressAlreadyInUse, Bind(IPAddress.Loopback, port));
    }

    [HostFact(HostAbility.Passt)]
    public void A_port_of_an_IPv6_address_is_forwarded()
    {
        ushort port = FreePort();
        Assert.SkipUnless(Listen(IPAddress.IPv6Loopback, port) is null, "this host has no IPv6 loopback");
        using PasstBackend passt = PasstBackend.Start([new ForwardedPort(port, 80, IPAddress.IPv6Loopback)]);
        Assert.Equal(SocketError.AddressAlreadyInUse, Listen(IPAddress.IPv6Loopback, port));
        Assert.Null(Listen(IPAddress.Loopback, port));
    }

    [HostFact(HostAbility.Passt)]
    public void A_port_that_is_taken_or_named_twice_is_refused_and_nothing_stays()
    {
        using Socket holder = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Any, 0));
        holder.Listen(1);
        ushort taken = (ushort)((IPEndPoint)holder.LocalEndPoint!).Port;
        IPAddress local = IPAddress.Loopback;
        AssertRefused($"cannot forward 127.0.0.1:{taken}: another program listens there", new ForwardedPort(taken, 80, local));
        AssertRefused($"cannot forward port {taken}: another program listens there", new ForwardedPort(taken, 80, null));
        AssertRefused("192.0.2.77:40001: this host has no such address", new ForwardedPort(40001, 80, IPAddress.Parse("192.0.2.77")));
        AssertRefused("twice", new ForwardedPort(40001, 80, local), new ForwardedPort(40001, 81, local));
        AssertRefused("twice", new ForwardedPort(40001, 80, local), new ForwardedPort(40001, 81, IPAddress.Parse("127.0.0.2")));
        AssertRefused("ports from 1 to 65535", new ForwardedPort(0, 80, local));
        AssertRefused("ports from 1 to 65535", new ForwardedPort(40001, 0, local));
    }

    [HostFact(HostAbility.Passt)]
    public void A_passt_that_dies_is_an_end_with_words()
    {
        using PasstBackend passt = PasstBackend.Start([]);
        using (System.Diagnostics.Process process = System.Diagnostics.Process.GetProcessById(passt.ProcessId))
        {
            process.Kill();
        }

        byte* memory = stackalloc byte[2000];
        IoVector* vectors = stackalloc IoVector[1];
        vectors[0] = new IoVector((nint)memory, 2000);
        int result = 0;
        Assert.True(SpinWait.SpinUntil(
            () => (result = passt.QueuePairs[0].Receive(vectors, 1)) < 0, TimeSpan.FromSeconds(20)), "no end within 20 s");
        Assert.Contains("passt has ended", passt.DescribeEnd(-result), StringComparison.Ordinal);
    }

    private static void AssertRefused(string reason, params ForwardedPort[] forwards)
    {
        NetworkOpenException error = Assert.Throws<NetworkOpenException>(() => PasstBackend.Start([.. forwards]));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    /// <summary>Sends a frame until one comes back that is UDP.</summary>
    private static byte[] Exchange(INetworkQueuePair pair, byte[] frame)
    {
        byte* memory = (byte*)NativeMemory.AllocZeroed(70000);
        IoVector* vectors = (IoVector*)NativeMemory.Alloc(1, (nuint)sizeof(IoVector));
        try
        {
            frame.CopyTo(new Span<byte>(memory + 12, frame.Length));
            vectors[0] = new IoVector((nint)memory, (nuint)(12 + frame.Length));
            Assert.Equal(0, pair.Send(vectors, 1, 12 + frame.Length));
            vectors[0] = new IoVector((nint)memory, 70000);
            long deadline = Environment.TickCount64 + 20_000;
            while (Environment.TickCount64 < deadline)
            {
                int length = pair.Receive(vectors, 1);
                Assert.True(length >= 0, $"a receive answered {length}");
                Span<byte> packet = new(memory + 12, Math.Max(0, length - 12));
                if (packet.Length > 240 && packet[12] == 8 && packet[23] == 17)
                {
                    return packet.ToArray();
                }
            }

            throw new TimeoutException("no answer within 20 s");
        }
        finally
        {
            NativeMemory.Free(vectors);
            NativeMemory.Free(memory);
        }
    }

    private static byte[] DhcpDiscover()
    {
        byte[] frame = new byte[342];
        Span<byte> bytes = frame;
        bytes[..6].Fill(0xFF);
        byte[] station = [0x52, 0x54, 0, 0, 0, 2];
        station.CopyTo(bytes[6..]);
        bytes[12] = 8;

        // IPv4 from nobody to everybody, 328 bytes, UDP, with its header checksum.
        byte[] ip = [0x45, 0, 1, 0x48, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255];
        int sum = 0;
        for (int i = 0; i < ip.Length; i += 2)
        {
            sum += (ip[i] << 8) | ip[i + 1];
        }

        sum = ~((sum & 0xFFFF) + (sum >> 16));
        (ip[10], ip[11]) = ((byte)(sum >> 8), (byte)sum);
        ip.CopyTo(bytes[14..]);

        // UDP 68 to 67 without a checksum; BOOTREQUEST, cookie, message type 1.
        byte[] udp = [0, 68, 0, 67, 1, 0x34, 0, 0, 1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78];
        udp.CopyTo(bytes[34..]);
        station.CopyTo(bytes[70..]);
        byte[] options = [0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255];
        options.CopyTo(bytes[278..]);
        return frame;
    }

    private static ushort FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static SocketError? Listen(IPAddress address, ushort port) => Take(SocketType.Stream, ProtocolType.Tcp, address, port);

    private static SocketError? Bind(IPAddress address, ushort port) => Take(SocketType.Dgram, ProtocolType.Udp, address, port);

    /// <summary>Null where the port is free.</summary>
    private static SocketError? Take(SocketType type, ProtocolType protocol, IPAddress address, ushort port)
    {
        try
        {
            using Socket socket = new(address.AddressFamily, type, protocol);
            socket.Bind(new IPEndPoint(address, port));
            if (type == SocketType.Stream)
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
