using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Nacelle.Linux;
using Nacelle.Network;

namespace Nacelle.Devices.Tests.VirtioNetwork;

/// <summary>A back end in the test's hands: frames to receive are queued, frames sent are kept.</summary>
internal sealed class FakeBackend : INetworkBackend
{
    private readonly FakeQueuePair[] _pairs;

    public FakeBackend(int pairs = 1, NetworkOffloads offloads = NetworkOffloads.None)
    {
        _pairs = [.. Enumerable.Range(0, pairs).Select(_ => new FakeQueuePair())];
        SendOffloads = offloads;
    }

    public string Name => "fake";

    public IReadOnlyList<INetworkQueuePair> QueuePairs => _pairs;

    public int? TransmissionUnit => 1500;

    public NetworkOffloads SendOffloads { get; }

    public NetworkOffloads ReceiveOffloads => SendOffloads;

    public NetworkOffloads Accepted { get; private set; }

    public FakeQueuePair this[int pair] => _pairs[pair];

    public void SetReceiveOffloads(NetworkOffloads offloads) => Accepted = offloads;

    public string DescribeEnd(int errorNumber) => $"ended with {errorNumber}";

    public void Dispose()
    {
        foreach (FakeQueuePair pair in _pairs)
        {
            pair.Dispose();
        }
    }
}

/// <summary>One pair; its eventfd is readable while frames wait, and writable always.</summary>
internal sealed unsafe class FakeQueuePair : INetworkQueuePair, IDisposable
{
    private readonly EventFileDescriptor _ready = new();
    private readonly ConcurrentQueue<byte[]> _arriving = new();

    public ConcurrentQueue<byte[]> Sent { get; } = new();

    public bool IsActive { get; private set; } = true;

    /// <summary>Answers of the next sends, before they succeed.</summary>
    public Queue<int> Answers { get; } = new();

    /// <summary>When set, what every receive answers.</summary>
    public int ReceiveError { get; set; }

    public int Waiting => _arriving.Count;

    public int Receives { get; private set; }

    public int FileDescriptor => _ready.FileDescriptor;

    public void Arrive(byte[] frame)
    {
        _arriving.Enqueue(frame);
        _ready.Signal();
    }

    public void Wake() => _ready.Signal();

    public bool TrySetActive(bool active)
    {
        IsActive = active;
        return true;
    }

    public int Receive(IoVector* vectors, int count)
    {
        Receives++;
        if (ReceiveError != 0)
        {
            return -ReceiveError;
        }

        if (!_arriving.TryDequeue(out byte[]? frame))
        {
            _ready.Consume();
            return 0;
        }

        byte[] whole = [.. new byte[12], .. frame];
        whole[0] = 2;
        int done = 0;
        for (int i = 0; i < count && done < whole.Length; i++)
        {
            int part = (int)Math.Min(vectors[i].Length, (nuint)(whole.Length - done));
            Marshal.Copy(whole, done, vectors[i].Address, part);
            done += part;
        }

        return done;
    }

    public int Send(IoVector* vectors, int count, int length)
    {
        if (Answers.TryDequeue(out int answer))
        {
            return answer;
        }

        List<byte> whole = [];
        for (int i = 0; i < count; i++)
        {
            whole.AddRange(new ReadOnlySpan<byte>(vectors[i].Pointer, (int)vectors[i].Length));
        }

        Assert.Equal(length, whole.Count);
        Sent.Enqueue([.. whole]);
        return 0;
    }

    public void Abandon()
    {
    }

    public void Dispose() => _ready.Dispose();
}
