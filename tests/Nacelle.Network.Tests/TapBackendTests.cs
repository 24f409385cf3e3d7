using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Nacelle.Linux;

namespace Nacelle.Network.Tests;

public sealed unsafe class TapBackendTests
{
    private const NetworkOffloads Tcp =
        NetworkOffloads.Checksum | NetworkOffloads.Tcp4 | NetworkOffloads.Tcp6 | NetworkOffloads.TcpCongestion;

    [HostFact(HostAbility.Tap)]
    public void A_tap_that_is_not_there_is_not_made_but_told_how_to_make() => NetworkNamespace.Run(() =>
    {
        AssertRefused("there is no tap 'typo0': make it as root: ip tuntap add dev typo0 mode tap user ", "typo0", 1);
        AssertRefused("mode tap multi_queue user ", "typo0", 2);
        AssertRefused("; ip link set typo0 up", "typo0", 1);
        Assert.False(NetworkInterface.Exists("typo0"));
    });

    [HostFact(HostAbility.Tap)]
    public void A_tap_for_several_queues_has_them_all() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap add dev several0 mode tap multi_queue");
        using TapBackend tap = TapBackend.Open("several0", 2);
        Assert.Equal(2, tap.QueuePairs.Count);
        Assert.Equal(1500, tap.TransmissionUnit);
        Assert.Equal(Tcp, tap.SendOffloads & Tcp);
    });

    [HostFact(HostAbility.Tap)]
    public void A_tap_that_was_there_stays() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap add dev kept0 mode tap");
        Ip("link set dev kept0 mtu 9000");
        using (TapBackend tap = TapBackend.Open("kept0"))
        {
            Assert.Equal(9000, tap.TransmissionUnit);
        }

        Assert.True(NetworkInterface.Exists("kept0"));
    });

    [HostFact(HostAbility.Tap)]
    public void One_queue_fits_a_tap_for_several_too() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap add dev many0 mode tap multi_queue");
        using TapBackend tap = TapBackend.Open("many0");
        using TapBackend second = TapBackend.Open("many0");
        Assert.NotSame(tap, second);
    });

    [HostFact(HostAbility.Tap)]
    public void What_stands_in_the_way_is_named() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap add dev one0 mode tap");
        Ip("tuntap add dev tun0 mode tun");
        AssertRefused("was made for one queue", "one0", 2);
        AssertRefused("no tap", "tun0", 1);
        AssertRefused("no tap", "lo", 1);
        using TapBackend holder = TapBackend.Open("one0");
        AssertRefused("another process is attached", "one0", 1);
    });

    [Theory]
    [InlineData("")]
    [InlineData("sixteen-letters-")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("tap%d")]
    [InlineData("..")]
    public void A_name_that_no_interface_can_have_is_refused(string name) => AssertRefused("cannot name a tap", name, 1);

    [Theory]
    [InlineData(0)]
    [InlineData(33)]
    [InlineData(-1)]
    public void A_number_of_queues_that_no_tap_has_is_refused(int queues) => AssertRefused("queues", "tap0", queues);

    [HostFact(HostAbility.Tap)]
    public void Frames_of_the_host_arrive_and_frames_sent_reach_it() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap add dev wire0 mode tap");
        Ip("link set dev wire0 up");
        using TapBackend tap = TapBackend.Open("wire0");
        INetworkQueuePair pair = tap.QueuePairs[0];
        Ip("addr add 10.77.0.1/24 dev wire0");
        Ip("neigh add 10.77.0.2 lladdr 52:54:00:00:00:02 dev wire0");
        byte* memory = (byte*)NativeMemory.AllocZeroed(4096);
        IoVector* vectors = (IoVector*)NativeMemory.Alloc(4, (nuint)sizeof(IoVector));
        try
        {
            using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 20_000 };
            socket.SendTo("out"u8, new IPEndPoint(IPAddress.Parse("10.77.0.2"), 4242));

            // The datagram, cut in the middle of its header by the vectors.
            vectors[0] = new IoVector((nint)memory, 20);
            vectors[1] = new IoVector((nint)(memory + 20), 2000);
            int length = Await(pair, vectors, 2, frame => frame[24] == 8 && frame[25] == 0 && frame[35] == 17, memory);
            Span<byte> packet = new(memory + 12, length - 12);
            Assert.Equal("out"u8, packet[42..45]);

            // The answer: stations, addresses and ports swapped, by which no checksum changes.
            Swap(packet, 0, 6, 6);
            Swap(packet, 26, 30, 4);
            Swap(packet, 34, 36, 2);
            new Span<byte>(memory, 12).Clear();
            vectors[1] = new IoVector((nint)(memory + 20), (nuint)(length - 20));
            Assert.Equal(0, pair.Send(vectors, 2, length));
            byte[] answer = new byte[16];
            Assert.Equal(3, socket.Receive(answer));
            Assert.Equal("out"u8, answer.AsSpan(0, 3));
        }
        finally
        {
            NativeMemory.Free(vectors);
            NativeMemory.Free(memory);
        }
    });

    [HostFact(HostAbility.Tap)]
    public void A_tap_that_is_deleted_ends_with_an_error_and_does_not_block() => NetworkNamespace.Run(() =>
    {
        Ip("tuntap add dev gone0 mode tap");
        using TapBackend tap = TapBackend.Open("gone0");
        byte* memory = stackalloc byte[64];
        IoVector* vectors = stackalloc IoVector[1];
        vectors[0] = new IoVector((nint)memory, 64);
        Ip("link delete dev gone0");
        int result = tap.QueuePairs[0].Receive(vectors, 1);
        Assert.True(result < 0, $"a receive answered {result}");
        Assert.Contains("gone0", tap.DescribeEnd(-result), StringComparison.Ordinal);
    });

    private static int Await(INetworkQueuePair pair, IoVector* vectors, int count, Func<byte[], bool> wanted, byte* memory)
    {
        long deadline = Environment.TickCount64 + 20_000;
        while (Environment.TickCount64 < deadline)
        {
            int length = pair.Receive(vectors, count);
            if (length > 12 + 34 && wanted(new Span<byte>(memory, length).ToArray()))
            {
                return length;
            }

            if (length == 0)
            {
                Thread.Yield();
            }
        }

        throw new TimeoutException("the frame did not come within 20 s");
    }

    private static void Swap(Span<byte> bytes, int first, int second, int length)
    {
        byte[] kept = bytes.Slice(first, length).ToArray();
        bytes.Slice(second, length).CopyTo(bytes[first..]);
        kept.CopyTo(bytes[second..]);
    }

    private static void AssertRefused(string reason, string name, int queues)
    {
        NetworkOpenException error = Assert.Throws<NetworkOpenException>(() => TapBackend.Open(name, queues));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static string Ip(string arguments)
    {
        // A child has the namespace of the thread that starts it.
        using Process process = Process.Start(
            new ProcessStartInfo("ip", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string output = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {arguments}: {output}");
        return output;
    }
}
