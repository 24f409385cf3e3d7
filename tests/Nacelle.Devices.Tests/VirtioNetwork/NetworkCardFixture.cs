using Nacelle.Devices.Tests.Virtio;
using Nacelle.Devices.Virtio;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Linux;
using Nacelle.Memory;
using Nacelle.Network;

namespace Nacelle.Devices.Tests.VirtioNetwork;

/// <summary>A card over a fake back end, with a mock driver for each of its queues; everything runs when the test says so.</summary>
internal sealed class NetworkCardFixture : IVirtioTransport, IDisposable
{
    public const ulong Data = 0x80000;
    private const ulong QueueStride = 0x10000;
    private const ulong Size = 1 << 20;
    private readonly EventLoop[] _loops;
    private readonly MockDriver[] _drivers;
    private readonly int[] _interrupts;

    public NetworkCardFixture(
        bool packed = false, int pairs = 1, NetworkOffloads offloads = NetworkOffloads.None, ulong without = 0, ushort queueSize = 8)
    {
        Backend = new FakeBackend(pairs, offloads);
        _loops = [.. Enumerable.Range(0, pairs).Select(pair => new EventLoop($"net-test {pair}"))];
        Device = new VirtioNetworkDevice(
            Backend, _loops, new VirtioNetworkOptions { Address = new MacAddress(0x5254_0000_0001), QueueSize = queueSize },
            line => Diagnostic = line);
        int count = Device.QueueSizes.Count;
        ulong features = (Device.Features & ~without) | VirtioFeatures.Version1 | (packed ? VirtioFeatures.PackedRing : 0);
        Virtqueue?[] queues = new Virtqueue?[count];
        _drivers = new MockDriver[count];
        _interrupts = new int[count];
        for (int i = 0; i < count; i++)
        {
            int index = i;
            ulong place = QueueStride * (ulong)i;
            VirtqueueLayout layout = new(
                i, 8, MockDriver.Descriptors + place, MockDriver.DriverArea + place, MockDriver.DeviceArea + place);
            Assert.True(Virtqueue.TryCreate(
                layout, features, Memory, () => Interlocked.Increment(ref _interrupts[index]), RequireReset, out queues[i], out _));
            _drivers[i] = MockDriver.Create(packed, Memory, 8, place);
        }

        Activation = new VirtioActivation(features, queues, Memory, this);
        Device.Activate(Activation);
    }

    public GuestMemory Memory { get; } = new([(0, Size)]);

    public FakeBackend Backend { get; }

    public VirtioNetworkDevice Device { get; }

    public VirtioActivation Activation { get; }

    public string? Diagnostic { get; private set; }

    public string? Broken { get; private set; }

    public int ConfigurationChanges { get; private set; }

    public MockDriver Driver(int queue) => _drivers[queue];

    public int Interrupts(int queue) => Volatile.Read(ref _interrupts[queue]);

    /// <summary>Kicks a queue and waits until the kick was dealt with.</summary>
    public void Kick(int queue)
    {
        EventLoop loop = Device.GetQueueLoop(queue);
        loop.Invoke(() => Device.ProcessQueue(queue));
        Settle();
    }

    /// <summary>Waits until all loops have seen what happened before.</summary>
    public void Settle()
    {
        foreach (EventLoop loop in _loops)
        {
            // The loop polls between two posted actions.
            loop.Invoke(() => { });
            loop.Invoke(() => { });
        }
    }

    /// <summary>Waits for something that a loop brings about.</summary>
    public static void Until(Func<bool> condition, string what) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(20)), $"within 20 s never: {what}");

    /// <summary>Sends one command on the control queue.</summary>
    /// <returns>The answer: 0 for done, 1 for refused.</returns>
    public byte Control(params byte[] command)
    {
        int queue = Device.QueueSizes.Count - 1;
        Assert.True(Memory.TryWrite(Data, command.AsSpan()));
        Assert.True(Memory.TryWrite(Data + 0x8000, (byte)0xEE));
        _drivers[queue].Offer(0, new MockBuffer(Data, (uint)command.Length, false), new MockBuffer(Data + 0x8000, 1, true));
        Kick(queue);
        Until(() => _drivers[queue].TryTakeUsed(out _, out _), "the answer to a command");
        Assert.True(Memory.TryRead(Data + 0x8000, out byte answer));
        return answer;
    }

    public byte[] Read(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.True(Memory.TryRead(address, bytes.AsSpan()));
        return bytes;
    }

    public void NotifyConfigurationChanged() => ConfigurationChanges++;

    public void RequireReset(string reason) => Broken = reason;

    public void Dispose()
    {
        Device.Dispose();
        foreach (EventLoop loop in _loops)
        {
            loop.Dispose();
        }

        Backend.Dispose();
        Memory.Dispose();
    }
}
