using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Nacelle.Machine.Tests.Guests;
using Nacelle.Network.Tests;

namespace Nacelle.Machine.Tests.Network;

/// <summary>Stock Linux drivers against the network card, each test in a network namespace of its own.</summary>
public sealed class GuestNetworkTests(ITestOutputHelper log)
{
    internal const string Iperf = "/usr/bin/iperf3";
    private const string SetUp = """
        set -e
        ip link set eth0 up
        ip addr add 10.77.0.2/24 dev eth0
        ping -c 3 10.77.0.1

        """;

    private const string TransferBothWays = """
        nc 10.77.0.1 5001 < /dev/null > /received
        echo "guest received $(sha256sum < /received)"
        nc 10.77.0.1 5002 < /received

        """;

    [GuestNetworkFact]
    public void A_guest_on_a_tap_pings_and_moves_bytes_both_ways() => Transfer(20_000_000, vcpus: 1, queues: 1, packed: false);

    [GuestNetworkFact]
    public void A_guest_on_a_tap_moves_bytes_through_packed_rings() => Transfer(20_000_000, vcpus: 1, queues: 1, packed: true);

    [GuestNetworkFact]
    [Trait("Duration", "Long")]
    public void Two_hundred_megabytes_arrive_as_they_were_sent_both_ways() => Transfer(200_000_000, vcpus: 1, queues: 1, packed: false);

    [GuestNetworkFact]
    [Trait("Duration", "Long")]
    public void Two_hundred_megabytes_arrive_over_two_queue_pairs() => Transfer(200_000_000, vcpus: 2, queues: 2, packed: false);

    [GuestNetworkFact(iperf: true)]
    [Trait("Duration", "Long")]
    public void Iperf_runs_both_ways_over_one_queue_pair() => RunIperf(1);

    [GuestNetworkFact(iperf: true)]
    [Trait("Duration", "Long")]
    public void Iperf_runs_both_ways_over_two_queue_pairs() => RunIperf(2);

    [GuestNetworkFact(passt: true)]
    public void A_guest_in_user_mode_gets_an_address_reaches_the_host_and_is_reached() => NetworkNamespace.Run(() =>
    {
        // passt takes its addresses from the interface with the default route.
        HostPeer.Ip("link set lo up");
        HostPeer.Ip("tuntap add dev up0 mode tap");
        HostPeer.Ip("addr add 10.78.0.2/24 dev up0");
        HostPeer.Ip("link set up0 up");
        HostPeer.Ip("route add default via 10.78.0.1 dev up0");
        byte[] content = RandomNumberGenerator.GetBytes(5_000_000);
        using HostPeer server = new(5001);
        using HostPeer client = new(5002);
        Task served = server.Serve(content);
        Task<(long Length, string Digest)> taken = client.Take();

        // The gateway's address leads to the host itself.
        using GuestRun guest = new(
            """
            set -e
            ip link set eth0 up
            udhcpc -i eth0 -n -q -f
            ip -4 addr show dev eth0
            gateway=$(ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p')
            # An open input: passt of 2023 loses what comes after a guest has closed its own direction.
            mkfifo /open
            sleep 100000 > /open &
            nc $gateway 5001 < /open > /received
            echo "guest received $(sha256sum < /received)"
            nc $gateway 5002 < /received
            nc -l -p 80 -e cat &
            until netstat -ltn | grep -q ':80 '; do :; done
            echo "guest listens"
            wait $!
            """,
            machine => machine with
            {
                Networks = [new NetworkDescription { Kind = NetworkBackendKind.User, PortForwards = [new PortForward(8080, 80)] }],
            });
        AssertTransferred(guest, content, taken);
        Assert.Contains("inet 10.78.0.2/24", guest.Output, StringComparison.Ordinal);
        guest.Await("guest listens");
        AssertEchoed(8080, "hello from the host"u8);
        guest.AssertSucceeded();
        Assert.True(served.IsCompletedSuccessfully);
    });

    private static void Transfer(int length, int vcpus, int queues, bool packed) => NetworkNamespace.Run(() =>
    {
        AddTap();
        byte[] content = RandomNumberGenerator.GetBytes(length);
        using HostPeer server = new(5001);
        using HostPeer client = new(5002);
        _ = server.Serve(content);
        Task<(long Length, string Digest)> taken = client.Take();
        using GuestRun guest = new(
            SetUp + TransferBothWays + "cat /proc/interrupts",
            machine => machine with
            {
                VirtualCpus = vcpus,
                Networks = [new NetworkDescription { Kind = NetworkBackendKind.Tap, TapName = "net0", Queues = queues, Packed = packed }],
            });
        AssertTransferred(guest, content, taken);
        guest.AssertSucceeded();
        Assert.Contains("3 packets received", guest.Output, StringComparison.Ordinal);
        for (int pair = 0; pair < queues; pair++)
        {
            Assert.Contains($"input.{pair}", guest.Output, StringComparison.Ordinal);
        }
    });

    private void RunIperf(int pairs) => NetworkNamespace.Run(() =>
    {
        AddTap();
        using Process server = Process.Start(new ProcessStartInfo(Iperf, "--server") { RedirectStandardOutput = true })!;
        try
        {
            using GuestRun guest = new(
                SetUp + string.Concat(new[] { "", "--reverse", $"--parallel {2 * pairs}", $"--parallel {2 * pairs} --reverse" }.Select(
                    options => $"echo \"iperf3 {options}\"; {Iperf} --client 10.77.0.1 --time 5 {options} --format m > /report; grep receiver /report\n"))
                    + "cat /proc/interrupts",
                machine => machine with
                {
                    VirtualCpus = pairs,
                    Networks = [new NetworkDescription { Kind = NetworkBackendKind.Tap, TapName = "net0", Queues = pairs }],
                },
                Iperf);
            guest.AssertSucceeded();
            log.WriteLine(guest.Output);
        }
        finally
        {
            server.Kill();
        }
    });

    private static void AddTap()
    {
        HostPeer.Ip("tuntap add dev net0 mode tap multi_queue");
        HostPeer.Ip("addr add 10.77.0.1/24 dev net0");
        HostPeer.Ip("link set net0 up");
    }

    private static void AssertTransferred(GuestRun guest, byte[] content, Task<(long Length, string Digest)> taken)
    {
        string digest = Convert.ToHexStringLower(SHA256.HashData(content));
        Assert.Contains(digest, guest.Await("guest received"), StringComparison.Ordinal);
        Assert.True(taken.Wait(TimeSpan.FromMinutes(4)), $"the guest does not send; it said:\n{guest.Output}");
        Assert.Equal((content.Length, digest), taken.Result);
    }

    private static void AssertEchoed(int port, ReadOnlySpan<byte> word)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 60_000 };
        socket.Connect(IPAddress.Loopback, port);
        socket.Send(word);
        byte[] answer = new byte[word.Length];
        int length = 0;
        while (length < answer.Length)
        {
            int part = socket.Receive(answer.AsSpan(length));
            Assert.True(part > 0, $"the guest hung up after {length} bytes");
            length += part;
        }

        Assert.Equal(word, answer);
    }
}
