using Nacelle.Devices.Tests.Virtio;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Network;

namespace Nacelle.Devices.Tests.VirtioNetwork;

public sealed class ControlQueueTests
{
    private const byte Ok = 0;
    private const byte Refused = 1;
    private const ulong Data = NetworkCardFixture.Data;
    private static readonly byte[] s_own = [0x52, 0x54, 0, 0, 0, 1];
    private static readonly byte[] s_other = [0x52, 0x54, 0, 0, 0, 2];
    private static readonly byte[] s_group = [0x01, 0, 0x5E, 0, 0, 1];

    [Fact]
    public void The_receive_mode_decides_which_frames_come_in()
    {
        using NetworkCardFixture card = new(without: NetworkFeatures.MergeableBuffers);
        Assert.Equal(Ok, card.Control(0, 0, 0));
        AssertArrives(card, s_own, true);
        AssertArrives(card, s_other, false);
        AssertArrives(card, s_group, false);
        Assert.Equal(Ok, card.Control(0, 1, 1));
        AssertArrives(card, s_group, true);
        Assert.Equal(Ok, card.Control(0, 2, 1));
        AssertArrives(card, s_other, true);
        Assert.Equal(Ok, card.Control(0, 4, 1));
        AssertArrives(card, s_own, false);
        Assert.Equal(Ok, card.Control(0, 0, 1));
        AssertArrives(card, s_own, true);
    }

    [Fact]
    public void Address_tables_and_a_new_address_are_taken()
    {
        using NetworkCardFixture card = new(without: NetworkFeatures.MergeableBuffers);
        Assert.Equal(Ok, card.Control(0, 0, 0));
        Assert.Equal(Ok, card.Control([1, 0, 1, 0, 0, 0, .. s_other, 1, 0, 0, 0, .. s_group]));
        AssertArrives(card, s_other, true);
        AssertArrives(card, s_group, true);
        Assert.Equal(Ok, card.Control([1, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        AssertArrives(card, s_other, false);
        Assert.Equal(Ok, card.Control([1, 1, .. s_other]));
        AssertArrives(card, s_other, true);
        AssertArrives(card, s_own, false);
        Assert.Equal(Refused, card.Control([1, 1, .. s_group]));
    }

    [Fact]
    public void A_table_that_is_too_long_to_keep_lets_all_of_its_kind_in()
    {
        using NetworkCardFixture card = new(without: NetworkFeatures.MergeableBuffers);
        Assert.Equal(Ok, card.Control(0, 0, 0));
        Assert.Equal(Ok, card.Control([1, 0, 65, 0, 0, 0, .. new byte[65 * 6], 0, 0, 0, 0]));
        AssertArrives(card, s_other, true);
        AssertArrives(card, s_group, false);
    }

    [Fact]
    public void Tagged_frames_come_in_for_vlans_that_were_added()
    {
        using NetworkCardFixture card = new(without: NetworkFeatures.MergeableBuffers);
        byte[] tagged = [.. s_own, .. s_other, 0x81, 0, 0, 5];
        Assert.Equal(Ok, card.Control(0, 0, 0));
        AssertArrives(card, tagged, false);
        Assert.Equal(Ok, card.Control(2, 0, 5, 0));
        AssertArrives(card, tagged, true);
        Assert.Equal(Ok, card.Control(2, 1, 5, 0));
        AssertArrives(card, tagged, false);
        Assert.Equal(Refused, card.Control(2, 0, 0, 16));
    }

    [Fact]
    public void Queue_pairs_join_and_leave_as_the_driver_says()
    {
        using NetworkCardFixture card = new(pairs: 2);
        Assert.Equal(Refused, card.Control(4, 0, 0, 0));
        Assert.Equal(Refused, card.Control(4, 0, 3, 0));
        Assert.Equal(Refused, card.Control(4, 0, 0xFF, 0xFF));
        Assert.Equal(Ok, card.Control(4, 0, 2, 0));
        Assert.True(card.Backend[1].IsActive);
        card.Driver(3).Offer(0, new MockBuffer(Data, 100, false));
        card.Kick(3);
        Assert.Single(card.Backend[1].Sent);
        Assert.Equal(Ok, card.Control(4, 0, 1, 0));
        Assert.False(card.Backend[1].IsActive);
    }

    [Fact]
    public void Offloads_are_switched_within_what_was_negotiated()
    {
        using NetworkCardFixture card = new(offloads: NetworkOffloads.Checksum | NetworkOffloads.Tcp4);
        Assert.Equal(NetworkOffloads.Checksum | NetworkOffloads.Tcp4, card.Backend.Accepted);
        Assert.Equal(Ok, card.Control(5, 0, 2, 0, 0, 0, 0, 0, 0, 0));
        Assert.Equal(NetworkOffloads.Checksum, card.Backend.Accepted);
        Assert.Equal(Ok, card.Control(5, 0, 0, 0, 0, 0, 0, 0, 0, 0));
        Assert.Equal(NetworkOffloads.None, card.Backend.Accepted);
        Assert.Equal(Refused, card.Control(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
        Assert.Equal(Refused, card.Control(5, 0, 1, 0, 0, 0, 0, 0, 0, 0));
        Assert.Equal(Refused, card.Control(5, 0, 0, 0, 0, 0, 0, 0, 0, 0x80));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 6, 1)]
    [InlineData(1, 0)]
    [InlineData(1, 0, 1, 0, 0)]
    [InlineData(1, 0, 1, 0, 0, 0, 1, 2, 3, 4, 5)]
    [InlineData(1, 0, 0, 0, 0, 0)]
    [InlineData(1, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0)]
    [InlineData(1, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF)]
    [InlineData(1, 1, 0x52, 0x54, 0, 0, 0)]
    [InlineData(1, 2)]
    [InlineData(2, 0, 1)]
    [InlineData(2, 2, 1, 0)]
    [InlineData(3, 0)]
    [InlineData(4, 0, 1)]
    [InlineData(4, 1, 1, 0)]
    [InlineData(5, 0, 0, 0, 0, 0, 0, 0, 0)]
    [InlineData(6, 0, 0, 0, 0, 0, 0, 0, 0, 0)]
    [InlineData(255, 255, 255)]
    public void A_command_that_is_truncated_or_unknown_is_refused(params int[] command)
    {
        using NetworkCardFixture card = new(pairs: 2, offloads: NetworkOffloads.Checksum);
        Assert.Equal(Refused, card.Control([.. command.Select(value => (byte)value)]));
        Assert.Null(card.Broken);
    }

    [Fact]
    public void A_command_longer_than_it_has_to_be_is_done() =>
        AssertAnswer(Ok, [0, 0, 1, .. new byte[3000]]);

    [Theory]
    [InlineData(1u, 1u)]
    [InlineData(2u, 0u)]
    public void A_command_without_a_header_or_room_for_the_answer_stops_the_card(uint readable, uint writable)
    {
        using NetworkCardFixture card = new();
        MockBuffer[] buffers = writable == 0
            ? [new MockBuffer(Data, readable, false)]
            : [new MockBuffer(Data, readable, false), new MockBuffer(Data + 0x100, writable, true)];
        card.Driver(2).Offer(0, buffers);
        card.Kick(2);
        Assert.Contains("control command", card.Broken, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_whose_feature_was_not_negotiated_are_refused()
    {
        using NetworkCardFixture card = new(
            without: NetworkFeatures.ControlReceive | NetworkFeatures.ControlReceiveExtra | NetworkFeatures.ControlVlan | NetworkFeatures.ControlMac);
        Assert.Equal(Refused, card.Control(0, 0, 0));
        Assert.Equal(Refused, card.Control(0, 2, 0));
        Assert.Equal(Refused, card.Control([1, 1, .. s_other]));
        Assert.Equal(Refused, card.Control(2, 0, 5, 0));
        Assert.Equal(Refused, card.Control(4, 0, 1, 0));
        Assert.Equal(Refused, card.Control(5, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    }

    private static void AssertAnswer(byte expected, byte[] command)
    {
        using NetworkCardFixture card = new();
        Assert.Equal(expected, card.Control(command));
    }

    private static void AssertArrives(NetworkCardFixture card, byte[] start, bool arrives)
    {
        const ulong buffer = Data + 0x10000;
        NetworkMetrics metrics = card.Device.Metrics[0];
        (long received, long filtered) = (metrics.FramesReceived, metrics.FramesFiltered);
        if (received == 0 || card.Backend[0].Waiting == 0)
        {
            card.Driver(0).Offer(0, new MockBuffer(buffer, 200, true));
        }

        card.Kick(0);
        card.Backend[0].Arrive([.. start, .. new byte[60 - start.Length]]);
        NetworkCardFixture.Until(() => metrics.FramesReceived + metrics.FramesFiltered == received + filtered + 1, "the frame");
        Assert.Equal(arrives, metrics.FramesReceived == received + 1);
        while (card.Driver(0).TryTakeUsed(out _, out _))
        {
            // Its buffer is free again.
        }
    }
}
