using System.Collections.Immutable;

namespace Nacelle.Network;

/// <summary>A TCP port of the host, on all of its addresses, that reaches one in the guest.</summary>
/// <param name="HostPort">1 to 65535.</param>
/// <param name="GuestPort">1 to 65535.</param>
public readonly record struct ForwardedPort(ushort HostPort, ushort GuestPort);

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
    /// <param name="forwards">TCP ports of the host that reach the guest.</param>
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
