using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;
using Nacelle.Devices.Tests.Interrupts;
using Nacelle.Devices.Virtio;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Virtio;

/// <summary>What the PCI command register and a reset do to a virtio device (PCI 3.0, table 6-1; virtio 1.2, 4.1.4.3).</summary>
public sealed class VirtioCommandRegisterTests : IDisposable, IMessageInterruptTarget
{
    private const ulong Bar = 0xC000_0000;
    private const ulong Configuration = PciHostBridge.EcamStart + (3 << 15);
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(20);
    private readonly GuestMemory _ram = new([(0, 0x40000)]);
    private readonly AddressSpace _memory = new("memory");
    private readonly EventLoop _loop = new("test queue");
    private readonly RecordingLine _pin = new();
    private readonly Device _device;
    private readonly VirtioPciTransport _transport;
    private readonly SplitMockDriver _driver;

    public VirtioCommandRegisterTests()
    {
        PciBus bus = new(_memory);
        _ = new PciHostBridge(bus, _memory, new AddressSpace("port"), null);
        _device = new Device(_loop);
        _transport = new VirtioPciTransport("test", _device, _ram, this, _pin);
        bus.Add(_transport, 3);
        bus.AssignBars(Bar, Bar + 0x100000);
        _driver = new SplitMockDriver(_ram, 8);
        Start();

        // The first look at the queues, which the start brings with it, is over.
        Settle();
    }

    public void Dispose()
    {
        _device.MayEnd.Release(100);
        _transport.Dispose();
        _loop.Dispose();
        _ram.Dispose();
        _device.MayEnd.Dispose();
    }

    void IMessageInterruptTarget.Send(ulong address, uint data) => throw new InvalidOperationException("MSI-X is off");

    [Fact]
    public void Without_bus_mastering_memory_is_left_alone_until_it_is_back()
    {
        Command(2);
        Offer();
        Settle();
        Assert.False(_driver.TryTakeUsed(out _, out _), "a buffer came back though the device may not master the bus");
        Assert.False(_pin.IsAsserted);
        Command(6);
        Settle();
        Assert.True(_driver.TryTakeUsed(out _, out _), "what was offered meanwhile was not looked for");
        Assert.True(_pin.IsAsserted);
    }

    [Fact]
    public void INTx_disable_keeps_the_pin_down_and_the_status_tells_what_waits()
    {
        Command(0x406);
        Offer();
        Settle();
        Assert.True(_driver.TryTakeUsed(out _, out _));
        Assert.False(_pin.IsAsserted);
        Assert.Equal(8UL, _memory.Read(Configuration + 6, 2) & 8);
        Command(6);
        Assert.True(_pin.IsAsserted);
        Assert.Equal(1UL, _memory.Read(Bar + 0x1000, 1));
        Assert.False(_pin.IsAsserted);
        Assert.Equal(0UL, _memory.Read(Configuration + 6, 2) & 8);
    }

    [Fact]
    public void A_reset_that_waits_for_the_host_holds_up_no_vCPU()
    {
        _device.IsStalled = true;
        _memory.Write(Bar + 20, 1, 0);
        Assert.True(_device.Entered.Wait(s_deadline, TestContext.Current.CancellationToken));
        Assert.NotEqual(0UL, _memory.Read(Bar + 20, 1));

        // Nothing changes until it is over.
        _memory.Write(Bar + 20, 1, 0);
        _memory.Write(Bar + 22, 2, 1);
        Assert.Equal(0UL, _memory.Read(Bar + 22, 2));
        _device.MayEnd.Release();
        Settle();
        Assert.Equal(0UL, _memory.Read(Bar + 20, 1));
        Start();
        Offer();
        Settle();
        Assert.Equal(15UL, _memory.Read(Bar + 20, 1) & 15);
    }

    private void Command(ulong value) => _memory.Write(Configuration + 4, 2, value);

    private void Offer()
    {
        _driver.Offer(0, new MockBuffer(0x20000, 64, true));
        _memory.Write(Bar + 0x3000, 2, 0);
    }

    /// <summary>The loop looks at its doorbells before it comes to what is posted twice.</summary>
    private void Settle()
    {
        for (int i = 0; i < 3; i++)
        {
            _loop.Invoke(() => { });
        }
    }

    private void Start()
    {
        _memory.Write(Bar + 20, 1, 3);
        _memory.Write(Bar + 8, 4, 1);
        _memory.Write(Bar + 12, 4, 1);
        _memory.Write(Bar + 20, 1, 11);
        _memory.Write(Bar + 22, 2, 0);
        _memory.Write(Bar + 24, 2, 8);
        _memory.Write(Bar + 32, 4, MockDriver.Descriptors);
        _memory.Write(Bar + 40, 4, MockDriver.DriverArea);
        _memory.Write(Bar + 48, 4, MockDriver.DeviceArea);
        _memory.Write(Bar + 28, 2, 1);
        _memory.Write(Bar + 20, 1, 15);
    }

    /// <summary>Gives every buffer back at once, and may take its time over a reset.</summary>
    private sealed class Device(EventLoop loop) : IVirtioDevice
    {
        private readonly DescriptorChain _chain = new();
        private Virtqueue? _queue;

        public bool IsStalled { get; set; }

        public SemaphoreSlim Entered { get; } = new(0);

        public SemaphoreSlim MayEnd { get; } = new(0);

        public VirtioDeviceType Type => VirtioDeviceType.Entropy;

        public ulong Features => 0;

        public IReadOnlyList<ushort> QueueSizes { get; } = [8, 8];

        public uint ConfigurationSize => 0;

        public EventLoop GetQueueLoop(int index) => loop;

        public void ReadConfiguration(uint offset, Span<byte> destination) => throw new InvalidOperationException("there is none");

        public void WriteConfiguration(uint offset, ReadOnlySpan<byte> source) => throw new InvalidOperationException("there is none");

        public void Activate(VirtioActivation activation) => _queue = activation.Queues[0];

        public void Reset()
        {
            _queue = null;
            Entered.Release();
            if (IsStalled)
            {
                MayEnd.Wait();
                IsStalled = false;
            }
        }

        public void ProcessQueue(int index)
        {
            if (_queue is not { } queue)
            {
                return;
            }

            do
            {
                queue.DisableNotifications();
                while (queue.TryPop(_chain))
                {
                    queue.Push(_chain, 0);
                }
            }
            while (queue.EnableNotifications());

            queue.NotifyIfNeeded();
        }
    }
}
