using Nacelle.Block;
using Nacelle.Devices.Tests.Virtio;
using Nacelle.Devices.Virtio;
using Nacelle.Devices.Virtio.Block;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.VirtioBlock;

public sealed class VirtioBlockDeviceTests
{
    private const ulong Header = 0x20000;
    private const ulong Data = 0x21000;
    private const ulong Status = 0x30000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_driver_writes_reads_back_and_is_refused_past_the_end(bool packed)
    {
        string path = Path.GetTempFileName();
        File.WriteAllBytes(path, new byte[1 << 20]);
        using EventLoop loop = new("disk-test");
        using GuestMemory memory = new([(0, 1 << 20)]);
        FileEngine engine = null!;
        RawFileNode node = null!;
        loop.Invoke(() =>
        {
            engine = FileEngine.Create(loop);
            node = RawFileNode.Open(new RawFileOptions { Path = path }, engine);
        });
        using VirtioBlockDevice device = new(node, loop, new VirtioBlockOptions { Serial = "disk-1" });
        using SemaphoreSlim interrupts = new(0);
        ulong features = device.Features | VirtioFeatures.Version1 | (packed ? VirtioFeatures.PackedRing : 0);
        VirtqueueLayout layout = new(0, 8, MockDriver.Descriptors, MockDriver.DriverArea, MockDriver.DeviceArea);
        Assert.True(Virtqueue.TryCreate(layout, features, memory, () => interrupts.Release(), rule => Assert.Fail(rule), out Virtqueue? queue, out _));
        device.Activate(new VirtioActivation(features, [queue], memory, new NoTransport()));
        MockDriver driver = MockDriver.Create(packed, memory, 8);

        byte Run(uint type, ulong sector, uint length, bool writable)
        {
            Assert.True(memory.TryWrite(Header, type));
            Assert.True(memory.TryWrite(Header + 8, sector));
            Assert.True(memory.TryWrite(Status, (byte)0xee));
            driver.Offer(0, new MockBuffer(Header, 16, false), new MockBuffer(Data, length, writable), new MockBuffer(Status, 1, true));
            loop.Post(() => device.ProcessQueue(0));
            Assert.True(interrupts.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken), "no interrupt for a request");
            Assert.True(driver.TryTakeUsed(out _, out _));
            Assert.True(memory.TryRead(Status, out byte status));
            return status;
        }

        byte[] content = new byte[4096];
        new Random(3).NextBytes(content);
        Assert.True(memory.TryWrite(Data, content.AsSpan()));
        Assert.Equal(0, Run(1, 9, 4096, writable: false));
        Assert.True(memory.TryWrite(Data, new byte[4096].AsSpan()));
        Assert.Equal(0, Run(0, 9, 4096, writable: true));
        byte[] seen = new byte[4096];
        Assert.True(memory.TryRead(Data, seen.AsSpan()));
        Assert.Equal(content, seen);
        Assert.Equal(1, Run(0, 2047, 4096, writable: true));
        Assert.Equal(2, Run(99, 0, 512, writable: true));
        Assert.Equal(0, Run(8, 0, 20, writable: true));
        Assert.True(memory.TryRead(Data, seen.AsSpan(0, 20)));
        Assert.Equal("disk-1", System.Text.Encoding.ASCII.GetString(seen, 0, 20).TrimEnd('\0'));
        device.Reset();
        loop.Invoke(() =>
        {
            node.Dispose();
            engine.Dispose();
        });
        Assert.Equal(content, File.ReadAllBytes(path)[4608..8704]);
        File.Delete(path);
    }

    private sealed class NoTransport : IVirtioTransport
    {
        public void NotifyConfigurationChanged() => Assert.Fail("a disk never changes its configuration");

        public void RequireReset(string reason) => Assert.Fail(reason);
    }
}
