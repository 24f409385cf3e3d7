using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;
using Nacelle.Devices.Virtio;
using Nacelle.Devices.Virtio.Entropy;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Virtio;

public sealed class VirtioPciTransportTests : IDisposable
{
    private const ulong Bar = 0xC000_0000;
    private const ulong Data = 0x20000;
    private readonly GuestMemory _ram = new([(0, 0x40000)]);
    private readonly AddressSpace _memory = new("memory");
    private readonly AddressSpace _ports = new("port");
    private readonly EventLoop _loop = new("test queue");
    private readonly Messages _messages = new();
    private readonly PciBus _bus;
    private readonly VirtioPciTransport _transport;

    public VirtioPciTransportTests()
    {
        _bus = new PciBus(_memory);
        _ = new PciHostBridge(_bus, _memory, _ports, null);
        _transport = new VirtioPciTransport("rng", new EntropyDevice(_loop), _ram, _messages);
        _bus.Add(_transport, 3);
        _bus.AssignBars(Bar, Bar + 0x100000);
    }

    public void Dispose()
    {
        _transport.Dispose();
        _loop.Dispose();
        _messages.Dispose();
        _ram.Dispose();
    }

    [Fact]
    public void Both_ways_into_configuration_space_show_the_device()
    {
        Assert.Equal(0x10441AF4UL, _memory.Read(PciHostBridge.EcamStart + (3 << 15), 4));
        _ports.Write(0xCF8, 4, 0x8000_1800);
        Assert.Equal(0x1044UL, _ports.Read(0xCFE, 2));
        Assert.Equal(0xFFFFFFFFUL, _memory.Read(PciHostBridge.EcamStart + (4 << 15), 4));
    }

    [Fact]
    public void Sizing_reads_the_size_and_the_bar_follows_the_guest()
    {
        ulong config = PciHostBridge.EcamStart + (3 << 15);
        _memory.Write(config + 4, 2, 0);
        _memory.Write(config + 0x10, 4, 0xFFFFFFFF);
        Assert.Equal(0xFFFF8004UL, _memory.Read(config + 0x10, 4));
        _memory.Write(config + 0x10, 4, 0);
        _memory.Write(config + 0x14, 4, 1);
        _memory.Write(config + 4, 2, 2);
        Assert.Equal(1UL, _memory.Read(0x1_0000_0012, 2));
        Assert.False(_memory.TryFind(Bar, out _));
    }

    [Fact]
    public void Taken_slot_names_who_has_it()
    {
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => _bus.Add(new LpcBridge(), 3));
        Assert.Contains("rng has it; 00:01.0 is free", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Driver_gets_random_bytes_and_an_interrupt()
    {
        SplitMockDriver driver = new(_ram, 8);
        driver.Offer(0, new MockBuffer(Data, 64, true));
        Start();
        Assert.True(_messages.Wait());
        Assert.Equal((0xFEE00000UL, 0x41u), _messages.Last);
        Assert.True(driver.TryTakeUsed(out _, out uint written));
        Assert.Equal(64u, written);
        byte[] bytes = new byte[64];
        Assert.True(_ram.TryRead(Data, bytes));
        Assert.Contains(bytes, value => value != 0);
        driver.Offer(0, new MockBuffer(Data, 64, true));
        _memory.Write(Bar + 0x3000, 2, 0);
        Assert.True(_messages.Wait());
    }

    [Fact]
    public void Broken_rule_needs_a_reset_and_a_reset_mends_it()
    {
        SplitMockDriver driver = new(_ram, 8);
        driver.Offer(0, new MockBuffer(0x3FFFF, 64, true));
        Start();
        Assert.True(_messages.Wait());
        Assert.Equal(0x42u, _messages.Last.Data);
        Assert.Equal(0x4FUL, _memory.Read(Bar + 20, 1));
        _memory.Write(Bar + 20, 1, 0);
        Assert.Equal(0UL, _memory.Read(Bar + 20, 1));
        Assert.True(_ram.TryWrite(MockDriver.DriverArea, new byte[64]));
        Assert.True(_ram.TryWrite(MockDriver.DeviceArea, new byte[128]));
        SplitMockDriver second = new(_ram, 8);
        second.Offer(0, new MockBuffer(Data, 64, true));
        Start();
        Assert.True(_messages.Wait());
        Assert.True(second.TryTakeUsed(out _, out _));
    }

    [Fact]
    public void Features_that_were_not_offered_are_not_accepted()
    {
        _memory.Write(Bar + 8, 4, 1);
        _memory.Write(Bar + 12, 4, 0x8000_0001);
        _memory.Write(Bar + 20, 1, 11);
        Assert.Equal(3UL, _memory.Read(Bar + 20, 1));
    }

    private void Start()
    {
        ulong config = PciHostBridge.EcamStart + (3 << 15);
        ulong capability = _memory.Read(config + 0x34, 1);
        while (_memory.Read(config + capability, 1) != 0x11)
        {
            capability = _memory.Read(config + capability + 1, 1);
            Assert.NotEqual(0UL, capability);
        }

        _memory.Write(config + capability + 2, 2, 0x8000);
        for (uint vector = 0; vector < 2; vector++)
        {
            ulong entry = Bar + 0x4000 + (16 * vector);
            _memory.Write(entry, 4, 0xFEE00000);
            _memory.Write(entry + 8, 4, 0x41 + vector);
            _memory.Write(entry + 12, 4, 0);
        }

        _memory.Write(Bar + 20, 1, 3);
        _memory.Write(Bar + 8, 4, 1);
        _memory.Write(Bar + 12, 4, 1);
        _memory.Write(Bar + 20, 1, 11);
        _memory.Write(Bar + 16, 2, 1);
        _memory.Write(Bar + 22, 2, 0);
        _memory.Write(Bar + 24, 2, 8);
        _memory.Write(Bar + 26, 2, 0);
        _memory.Write(Bar + 32, 4, MockDriver.Descriptors);
        _memory.Write(Bar + 40, 4, MockDriver.DriverArea);
        _memory.Write(Bar + 48, 4, MockDriver.DeviceArea);
        _memory.Write(Bar + 28, 2, 1);
        _memory.Write(Bar + 20, 1, 15);
    }

    private sealed class Messages : IMessageInterruptTarget, IDisposable
    {
        private readonly SemaphoreSlim _arrived = new(0);

        public (ulong Address, uint Data) Last { get; private set; }

        public void Send(ulong address, uint data)
        {
            Last = (address, data);
            _arrived.Release();
        }

        public bool Wait() => _arrived.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        public void Dispose() => _arrived.Dispose();
    }
}
