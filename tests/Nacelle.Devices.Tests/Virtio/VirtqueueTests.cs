using CsCheck;
using Nacelle.Devices.Virtio;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Virtio;

public sealed class VirtqueueTests : IDisposable
{
    private const ulong Data = 0x20000;
    private const ulong All = VirtioFeatures.Version1 | VirtioFeatures.IndirectDescriptors;
    private readonly GuestMemory _memory = new([(0, 0x40000)]);
    private string? _broken;
    private int _interrupts;

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Carries_buffers_around_the_ring_many_times(bool packed, bool indirect)
    {
        Virtqueue queue = Create(packed, 8);
        MockDriver driver = MockDriver.Create(packed, _memory, 8);
        DescriptorChain chain = new();
        for (uint round = 0; round < 50; round++)
        {
            MockBuffer[] buffers = [new(Data, 4, false), new(Data + 16, 4, true), new(Data + 32, 8, true)];
            Assert.True(_memory.TryWrite(Data, round));
            if (indirect)
            {
                driver.OfferIndirect(5, buffers);
            }
            else
            {
                driver.Offer(5, buffers);
            }

            Assert.True(queue.TryPop(chain));
            Assert.True(chain.TryReadHeader(out uint header));
            Assert.Equal(round, header);
            Assert.Equal(12UL, chain.WritableLength);
            Assert.Equal(6, chain.CopyIn(2, [1, 2, 3, 4, 5, 6]));
            queue.Push(chain, 8);
            Assert.True(driver.TryTakeUsed(out _, out uint written));
            Assert.Equal(8u, written);
            Assert.True(_memory.TryRead(Data + 32, out uint tail));
            Assert.Equal(0x06050403u, tail);
            Assert.False(queue.TryPop(chain));
        }

        Assert.Null(_broken);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Staged_buffers_become_visible_together(bool packed)
    {
        Virtqueue queue = Create(packed, 8);
        MockDriver driver = MockDriver.Create(packed, _memory, 8);
        DescriptorChain[] chains = [new(), new(), new()];
        for (int round = 0; round < 20; round++)
        {
            for (ushort i = 0; i < 3; i++)
            {
                driver.Offer(i, new MockBuffer(Data, 8, true));
                Assert.True(queue.TryPop(chains[i]));
            }

            for (uint i = 0; i < 3; i++)
            {
                queue.Stage(chains[i], i + 1);
                Assert.False(driver.TryTakeUsed(out _, out _));
            }

            queue.Publish();
            for (uint i = 0; i < 3; i++)
            {
                Assert.True(driver.TryTakeUsed(out _, out uint written));
                Assert.Equal(i + 1, written);
            }

            Assert.False(driver.TryTakeUsed(out _, out _));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Interrupts_once_for_what_was_pushed_and_not_when_asked_not_to(bool packed)
    {
        Virtqueue queue = Create(packed, 8);
        MockDriver driver = MockDriver.Create(packed, _memory, 8);
        DescriptorChain chain = new();
        queue.NotifyIfNeeded();
        Assert.Equal(0, _interrupts);
        driver.Offer(1, new MockBuffer(Data, 8, true));
        Assert.True(queue.TryPop(chain));
        queue.Push(chain, 8);
        queue.NotifyIfNeeded();
        queue.NotifyIfNeeded();
        Assert.Equal(1, _interrupts);
        Assert.True(_memory.TryWrite(packed ? MockDriver.DriverArea + 2 : MockDriver.DriverArea, (ushort)1));
        driver.Offer(2, new MockBuffer(Data, 8, true));
        Assert.True(queue.TryPop(chain));
        queue.Push(chain, 8);
        queue.NotifyIfNeeded();
        Assert.Equal(1, _interrupts);
    }

    [Fact]
    public void Event_index_interrupts_only_when_the_wanted_position_is_passed()
    {
        Virtqueue queue = Create(false, 8, All | VirtioFeatures.EventIndex);
        MockDriver driver = MockDriver.Create(false, _memory, 8);
        DescriptorChain chain = new();
        Assert.True(_memory.TryWrite(MockDriver.DriverArea + 4 + 16, (ushort)1));
        for (int expected = 0; expected < 2; expected++)
        {
            driver.Offer(0, new MockBuffer(Data, 8, true));
            Assert.True(queue.TryPop(chain));
            queue.Push(chain, 8);
            queue.NotifyIfNeeded();
            Assert.Equal(expected, _interrupts);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Enabling_kicks_tells_of_a_buffer_that_came_meanwhile(bool packed)
    {
        Virtqueue queue = Create(packed, 8, All | VirtioFeatures.EventIndex);
        queue.DisableNotifications();
        Assert.False(queue.EnableNotifications());
        MockDriver.Create(packed, _memory, 8).Offer(0, new MockBuffer(Data, 8, true));
        Assert.True(queue.EnableNotifications());
    }

    [Theory]
    [InlineData(Data, 8u, 1, 0, "loop")]
    [InlineData(Data, 8u, 1, 8, "past its table")]
    [InlineData(Data, 0u, 0, 0, "no bytes")]
    [InlineData(0x3FFF8UL, 9u, 0, 0, "not in RAM")]
    [InlineData(ulong.MaxValue, 8u, 0, 0, "not in RAM")]
    [InlineData(Data, 15u, 4, 0, "whole number")]
    [InlineData(0x3FFF8UL, 16u, 4, 0, "table is not in RAM")]
    [InlineData(Data, 16u, 5, 0, "successor")]
    public void Split_descriptor_that_breaks_a_rule_breaks_the_queue(
        ulong address, uint length, int flags, int next, string rule) =>
        AssertBreaks(driver => driver.PutRaw(0, address, length, (ushort)flags, (ushort)next), rule);

    [Fact]
    public void Readable_after_writable_breaks_the_queue() => AssertBreaks(
        driver =>
        {
            driver.PutRaw(0, Data, 8, 3, 1);
            driver.PutRaw(1, Data, 8, 0, 0);
        },
        "readable descriptor follows");

    [Fact]
    public void Indirect_inside_indirect_breaks_the_queue() => AssertBreaks(
        driver =>
        {
            driver.PutRaw(0, MockDriver.Descriptors + 16, 16, 4, 0);
            driver.PutRaw(1, Data, 16, 4, 0);
        },
        "inside an indirect");

    [Theory]
    [InlineData(0xFFF8UL << 16, MockDriver.DriverArea, "outside of RAM")]
    [InlineData(MockDriver.Descriptors + 8, MockDriver.DriverArea, "misaligned")]
    [InlineData(MockDriver.Descriptors, 0x3FFF8UL, "outside of RAM")]
    public void Ring_that_is_not_in_ram_is_refused(ulong descriptors, ulong driverArea, string reason)
    {
        VirtqueueLayout layout = new(0, 8, descriptors, driverArea, MockDriver.DeviceArea);
        Assert.False(Virtqueue.TryCreate(layout, All, _memory, () => { }, _ => { }, out _, out string? error));
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Any_bytes_in_the_rings_end_in_buffers_inside_ram_or_a_broken_queue(bool packed)
    {
        Gen.Byte.Array[256].Sample(
            bytes =>
            {
                using GuestMemory memory = new([(0, 0x10000)]);
                memory.TryWrite(MockDriver.Descriptors, bytes.AsSpan(0, 128));
                memory.TryWrite(MockDriver.DriverArea, bytes.AsSpan(128, 22));
                memory.TryWrite(MockDriver.DriverArea + 2, (ushort)(bytes[255] & 7));
                VirtqueueLayout layout = new(0, 8, MockDriver.Descriptors, MockDriver.DriverArea, MockDriver.DeviceArea);
                ulong features = All | (packed ? VirtioFeatures.PackedRing : 0);
                Assert.True(Virtqueue.TryCreate(layout, features, memory, () => { }, _ => { }, out Virtqueue? queue, out _));
                DescriptorChain chain = new();
                int popped = 0;
                while (queue!.TryPop(chain))
                {
                    popped++;
                    foreach (GuestSegment segment in chain.Readable)
                    {
                        Assert.True(segment.Address + segment.Length <= 0x10000);
                    }

                    foreach (GuestSegment segment in chain.Writable)
                    {
                        Assert.True(segment.Address + segment.Length <= 0x10000);
                    }
                }

                Assert.True(popped <= 8);
            },
            iter: 300,
            threads: 1);
    }

    private void AssertBreaks(Action<SplitMockDriver> prepare, string rule)
    {
        Virtqueue queue = Create(false, 8);
        SplitMockDriver driver = new(_memory, 8);
        prepare(driver);
        driver.Publish(0);
        Assert.False(queue.TryPop(new DescriptorChain()));
        Assert.True(queue.IsBroken);
        Assert.Contains(rule, _broken, StringComparison.Ordinal);
    }

    private Virtqueue Create(bool packed, ushort size, ulong features = All)
    {
        VirtqueueLayout layout = new(0, size, MockDriver.Descriptors, MockDriver.DriverArea, MockDriver.DeviceArea);
        features |= packed ? VirtioFeatures.PackedRing : 0;
        Assert.True(Virtqueue.TryCreate(
            layout, features, _memory, () => _interrupts++, rule => _broken = rule, out Virtqueue? queue, out _));
        return queue!;
    }
}
