using System.Collections.Immutable;
using System.Globalization;
using System.Net;

namespace Nacelle.Network;

/// <summary>A port of the host that reaches one in the guest.</summary>
/// <param name="HostPort">1 to 65535.</param>
/// <param name="GuestPort">1 to 65535.</param>
/// <param name="Address">Address of the host that listens; null for all that it has.</param>
/// <param name="IsDatagram">Whether it is a port of UDP; otherwise one of TCP.</param>
public readonly record struct ForwardedPort(ushort HostPort, ushort GuestPort, IPAddress? Address, bool IsDatagram = false)
{
    /// <summary>As people write it: "127.0.0.1:2222", "udp [::1]:53" or "port 2222".</summary>
    public override string ToString()
    {
        string where = Address is null
            ? string.Create(CultureInfo.InvariantCulture, $"port {HostPort}")
            : new IPEndPoint(Address, HostPort).ToString();
        return IsDatagram ? $"udp {where}" : where;
    }
}

/// <summary>User-mode networking: passt(1) takes the guest's frames and opens the host's own sockets for them. No privileges needed.</summary>
/// <remarks>
/// As <see cref="INetworkBackend"/>. passt leaves when its socket closes, so that it ends with this process however that ends.
/// </remarks>
public sealed class PasstBackend : INetworkBackend
{
    /// <summary>The largest packet that passt takes, which is what it tells guests by DHCP.</summary>
    private const int LargestPacket = 65520;

    private readonly PasstProcess _process;
    private readonly FrameStreamQueuePair _queue;

    private PasstBackend(PasstProcess process)
    {
        _process = process;
        _queue = new FrameStreamQueuePair(process.Socket);
        QueuePairs = [_queue];
    }

    /// <inheritdoc/>
    public string Name => "user-mode network";

    /// <inheritdoc/>
    public IReadOnlyList<INetworkQueuePair> QueuePairs { get; }

    /// <inheritdoc/>
    public int? TransmissionUnit => LargestPacket;

    /// <inheritdoc/>
    public NetworkOffloads SendOffloads => NetworkOffloads.None;

    /// <inheritdoc/>
    public NetworkOffloads ReceiveOffloads => NetworkOffloads.None;

    /// <summary>The process id of passt.</summary>
    public int ProcessId => _process.ProcessId;

    /// <summary>Starts passt and waits until it serves.</summary>
    /// <param name="forwards">Ports of the host that reach the guest.</param>
    /// <exception cref="NetworkOpenException">It is not installed, a port cannot be had, or it refused; nothing is left behind.</exception>
    public static PasstBackend Start(ImmutableArray<ForwardedPort> forwards) => new(PasstProcess.Start(forwards));

    /// <inheritdoc/>
    public void SetReceiveOffloads(NetworkOffloads offloads)
    {
        // Every frame is whole.
    }

    /// <inheritdoc/>
    public string DescribeEnd(int errorNumber) => $"passt has ended{_process.LastWords(": ")}; restart the machine to have it again";

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        _queue.Dispose();
    }
}
