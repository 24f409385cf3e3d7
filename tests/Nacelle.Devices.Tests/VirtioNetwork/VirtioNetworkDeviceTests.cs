using Nacelle.Devices.Tests.Virtio;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Network;

namespace Nacelle.Devices.Tests.VirtioNetwork;

public sealed class VirtioNetworkDeviceTests
{
    private const ulong Data = NetworkCardFixture.Data;
    private const int Receive = 0;
    private const int Transmit = 1;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_frame_goes_out_without_the_guests_header_fields_that_mean_nothing(bool packed)
    {
        using NetworkCardFixture card = new(packed);
        byte[] frame = Frame(100);
        Assert.True(card.Memory.TryWrite(Data, new byte[] { 0xF0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9 }.AsSpan()));
        Assert.True(card.Memory.TryWrite(Data + 0x100, frame.AsSpan()));
        for (int round = 0; round < 20; round++)
        {
            // The header and the frame meet in the middle of a descriptor.
            card.Driver(Transmit).Offer(0, new MockBuffer(Data, 5, false), new MockBuffer(Data + 5, 7, false), new MockBuffer(Data + 0x100, 100, false));
            card.Kick(Transmit);
            Assert.True(card.Driver(Transmit).TryTakeUsed(out _, out uint written));
            Assert.Equal(0u, written);
            Assert.True(card.Backend[0].Sent.TryDequeue(out byte[]? sent));
            Assert.Equal([.. new byte[12], .. frame], sent);
            Assert.Equal(round + 1, card.Interrupts(Transmit));
        }

        Assert.Equal(20, card.Device.Metrics[0].FramesSent);
        Assert.Equal(2000, card.Device.Metrics[0].BytesSent);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_frame_comes_in_over_as_many_buffers_as_it_takes(bool packed)
    {
        using NetworkCardFixture card = new(packed, offloads: NetworkOffloads.Checksum | NetworkOffloads.Tcp4);
        byte[] frame = Frame(250);
        for (int round = 0; round < 20; round++)
        {
            for (ushort i = 0; i < 3; i++)
            {
                card.Driver(Receive).Offer(i, new MockBuffer(Data + (i * 0x1000u), 60, true), new MockBuffer(Data + 0x800 + (i * 0x1000u), 40, true));
            }

            card.Kick(Receive);
            card.Backend[0].Arrive(frame);
            NetworkCardFixture.Until(() => card.Device.Metrics[0].FramesReceived == round + 1, "the frame");
            uint[] lengths = new uint[3];
            for (int i = 0; i < 3; i++)
            {
                Assert.True(card.Driver(Receive).TryTakeUsed(out _, out lengths[i]));
            }

            Assert.Equal([100u, 100u, 62u], lengths);
            byte[] seen =
            [
                .. card.Read(Data, 60), .. card.Read(Data + 0x800, 40),
                .. card.Read(Data + 0x1000, 60), .. card.Read(Data + 0x1800, 40),
                .. card.Read(Data + 0x2000, 60), .. card.Read(Data + 0x2800, 2),
            ];
            Assert.Equal([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0], seen[..12]);
            Assert.Equal(frame, seen[12..]);
        }
    }

    [Fact]
    public void A_driver_without_checksum_offload_gets_a_header_of_zeroes()
    {
        using NetworkCardFixture card = new(
            offloads: NetworkOffloads.Checksum, without: NetworkFeatures.GuestChecksum | NetworkFeatures.MergeableBuffers);
        card.Driver(Receive).Offer(0, new MockBuffer(Data, 200, true));
        card.Kick(Receive);
        card.Backend[0].Arrive(Frame(60));
        NetworkCardFixture.Until(() => card.Device.Metrics[0].FramesReceived == 1, "the frame");
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0], card.Read(Data, 12));
    }

    [Fact]
    public void Without_buffers_the_back_end_is_not_read_until_the_driver_kicks()
    {
        using NetworkCardFixture card = new(without: NetworkFeatures.MergeableBuffers);
        card.Backend[0].Arrive(Frame(60));
        card.Backend[0].Arrive(Frame(61));
        card.Settle();
        Assert.Equal(0, card.Backend[0].Receives);
        card.Driver(Receive).Offer(0, new MockBuffer(Data, 200, true));
        card.Kick(Receive);
        NetworkCardFixture.Until(() => card.Device.Metrics[0].FramesReceived == 1, "the first frame");
        card.Settle();
        int receives = card.Backend[0].Receives;
        card.Settle();
        Assert.Equal(receives, card.Backend[0].Receives);
        Assert.Equal(1, card.Backend[0].Waiting);
        card.Driver(Receive).Offer(1, new MockBuffer(Data, 200, true));
        card.Kick(Receive);
        NetworkCardFixture.Until(() => card.Device.Metrics[0].FramesReceived == 2, "the second frame");
    }

    [Fact]
    public void A_ring_smaller_than_the_largest_frame_serves_small_frames_and_drops_large_ones()
    {
        using NetworkCardFixture card = new(offloads: NetworkOffloads.Checksum | NetworkOffloads.Tcp4);
        card.Driver(Receive).Offer(0, new MockBuffer(Data, 200, true));
        card.Kick(Receive);
        card.Backend[0].Arrive(Frame(1000));
        NetworkCardFixture.Until(() => card.Device.Metrics[0].ReceiveDrops == 1, "the drop");
        card.Backend[0].Arrive(Frame(60));
        NetworkCardFixture.Until(() => card.Device.Metrics[0].FramesReceived == 1, "the frame");
        Assert.True(card.Driver(Receive).TryTakeUsed(out _, out uint written));
        Assert.Equal(72u, written);
    }

    [Fact]
    public void A_full_back_end_holds_the_frame_until_it_has_room()
    {
        using NetworkCardFixture card = new();
        const int again = -11;
        card.Backend[0].Answers.Enqueue(again);
        card.Driver(Transmit).Offer(0, new MockBuffer(Data, 100, false));
        card.Driver(Transmit).Offer(1, new MockBuffer(Data, 100, false));
        card.Kick(Transmit);

        // The fake is always writable, so the loop comes back to it by itself.
        NetworkCardFixture.Until(() => card.Device.Metrics[0].FramesSent == 2, "both frames");
        Assert.True(card.Driver(Transmit).TryTakeUsed(out _, out _));
        Assert.True(card.Driver(Transmit).TryTakeUsed(out _, out _));
        Assert.Equal(0, card.Device.Metrics[0].SendDrops);
    }

    [Fact]
    public void A_frame_that_the_back_end_refuses_is_dropped_and_the_next_one_goes()
    {
        using NetworkCardFixture card = new();
        card.Backend[0].Answers.Enqueue(-22);
        card.Driver(Transmit).Offer(0, new MockBuffer(Data, 100, false));
        card.Driver(Transmit).Offer(1, new MockBuffer(Data, 100, false));
        card.Kick(Transmit);
        Assert.Equal(1, card.Device.Metrics[0].SendDrops);
        Assert.Equal(1, card.Device.Metrics[0].FramesSent);
    }

    [Fact]
    public void A_back_end_that_is_gone_takes_the_link_down_and_swallows_frames()
    {
        using NetworkCardFixture card = new(without: NetworkFeatures.MergeableBuffers);
        byte[] status = new byte[2];
        card.Device.ReadConfiguration(6, status);
        Assert.Equal([1, 0], status);
        card.Driver(Receive).Offer(0, new MockBuffer(Data, 200, true));
        card.Kick(Receive);
        card.Backend[0].ReceiveError = 77;
        card.Backend[0].Wake();
        NetworkCardFixture.Until(() => card.Diagnostic is not null, "the line that says how the back end ended");
        Assert.Equal("ended with 77", card.Diagnostic);
        Assert.Equal(1, card.ConfigurationChanges);
        card.Device.ReadConfiguration(6, status);
        Assert.Equal([0, 0], status);
        card.Driver(Transmit).Offer(0, new MockBuffer(Data, 100, false));
        card.Kick(Transmit);
        Assert.True(card.Driver(Transmit).TryTakeUsed(out _, out _));
        Assert.Empty(card.Backend[0].Sent);
    }

    [Theory]
    [InlineData(11u, "no whole header")]
    [InlineData(1u, "no whole header")]
    public void A_frame_without_a_whole_header_stops_the_card(uint length, string rule)
    {
        using NetworkCardFixture card = new();
        card.Driver(Transmit).Offer(0, new MockBuffer(Data, length, false));
        card.Kick(Transmit);
        Assert.Contains(rule, card.Broken, StringComparison.Ordinal);
    }

    [Fact]
    public void A_buffer_that_can_only_be_written_is_no_frame()
    {
        using NetworkCardFixture card = new();
        card.Driver(Transmit).Offer(0, new MockBuffer(Data, 100, true));
        card.Kick(Transmit);
        Assert.Contains("no whole header", card.Broken, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(12u)]
    [InlineData(25u)]
    [InlineData(12u + 65554u)]
    public void A_frame_of_a_wrong_length_is_dropped(uint length)
    {
        using NetworkCardFixture card = new();
        card.Driver(Transmit).Offer(0, new MockBuffer(Data, length, false));
        card.Kick(Transmit);
        Assert.Equal(1, card.Device.Metrics[0].Malformed);
        Assert.True(card.Driver(Transmit).TryTakeUsed(out _, out _));
        Assert.Null(card.Broken);
    }

    [Theory]
    [InlineData(11u)]
    [InlineData(1u)]
    public void A_receive_buffer_without_room_for_a_header_stops_the_card(uint length)
    {
        using NetworkCardFixture card = new();
        card.Driver(Receive).Offer(0, new MockBuffer(Data, length, true));
        card.Kick(Receive);
        Assert.Contains("no room for a header", card.Broken, StringComparison.Ordinal);
    }

    [Fact]
    public void A_receive_buffer_that_can_only_be_read_stops_the_card()
    {
        using NetworkCardFixture card = new();
        card.Driver(Receive).Offer(0, new MockBuffer(Data, 100, false));
        card.Kick(Receive);
        Assert.Contains("no room for a header", card.Broken, StringComparison.Ordinal);
    }

    [Fact]
    public void A_receive_buffer_of_more_segments_than_the_queue_has_descriptors_stops_the_card()
    {
        using NetworkCardFixture card = new();
        MockBuffer[] segments = [.. Enumerable.Repeat(new MockBuffer(Data, 16, true), 9)];
        card.Driver(Receive).OfferIndirect(0, segments);
        Assert.True(card.Activation.Has(NetworkFeatures.MergeableBuffers));
        card.Kick(Receive);
        Assert.NotNull(card.Broken);
    }

    [Fact]
    public void A_reset_takes_everything_back_to_its_beginning()
    {
        using NetworkCardFixture card = new(pairs: 2, offloads: NetworkOffloads.Checksum);
        Assert.Equal(0, card.Control(0, 0, 0));
        Assert.Equal(0, card.Control(1, 1, 0x52, 0x54, 0, 0, 0, 9));
        Assert.Equal(0, card.Control(4, 0, 2, 0));
        Assert.True(card.Backend[1].IsActive);
        Assert.Equal(NetworkOffloads.Checksum, card.Backend.Accepted);
        card.Device.Reset();
        byte[] address = new byte[6];
        card.Device.ReadConfiguration(0, address);
        Assert.Equal([0x52, 0x54, 0, 0, 0, 1], address);
        Assert.False(card.Backend[1].IsActive);
        Assert.Equal(NetworkOffloads.None, card.Backend.Accepted);
        int receives = card.Backend[0].Receives;
        card.Backend[0].Arrive(Frame(60));
        card.Settle();
        Assert.Equal(receives, card.Backend[0].Receives);
    }

    [Fact]
    public void Without_the_multi_queue_feature_the_control_queue_follows_the_first_pair()
    {
        using NetworkCardFixture card = new(pairs: 2, without: NetworkFeatures.MultiQueue);
        Assert.Same(card.Device.GetQueueLoop(0), card.Device.GetQueueLoop(2));
        Assert.True(card.Memory.TryWrite(Data, new byte[] { 1, 1, 0x52, 0x54, 0, 0, 0, 9 }.AsSpan()));
        card.Driver(2).Offer(0, new MockBuffer(Data, 8, false), new MockBuffer(Data + 0x100, 1, true));
        card.Kick(2);
        Assert.True(card.Driver(2).TryTakeUsed(out _, out _));
        byte[] address = new byte[6];
        card.Device.ReadConfiguration(0, address);
        Assert.Equal(9, address[5]);
    }

    private static byte[] Frame(int length)
    {
        byte[] frame = new byte[length];
        new Random(length).NextBytes(frame);
        return frame;
    }
}
