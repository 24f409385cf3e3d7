using CsCheck;
using Nacelle.Devices.Tests.Virtio;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Network;

namespace Nacelle.Devices.Tests.VirtioNetwork;

public sealed class ReceivePropertyTests
{
    private const ulong Data = NetworkCardFixture.Data;
    private const int Header = 12;

    [Fact]
    public void A_frame_fills_the_buffers_one_after_the_other_or_is_dropped_as_a_whole() =>
        Gen.Select(Gen.Bool, Gen.Int[Header, 300].Array[1, 6], Gen.Int[14, 1200]).Sample(
            (packed, buffers, length) =>
            {
                using NetworkCardFixture card = new(packed, offloads: NetworkOffloads.Checksum | NetworkOffloads.Tcp4);
                byte[] frame = new byte[length];
                new Random(length).NextBytes(frame);
                for (ushort i = 0; i < buffers.Length; i++)
                {
                    card.Driver(0).Offer(i, new MockBuffer(Data + (i * 0x1000u), (uint)buffers[i], true));
                }

                card.Kick(0);
                card.Backend[0].Arrive(frame);
                NetworkMetrics metrics = card.Device.Metrics[0];
                NetworkCardFixture.Until(() => metrics.FramesReceived + metrics.ReceiveDrops == 1, "the frame");
                bool fits = length + Header <= buffers.Sum();
                List<byte> seen = [];
                int used = 0;
                while (card.Driver(0).TryTakeUsed(out _, out uint written))
                {
                    // All buffers but the last one are full (5.1.6.4.1).
                    bool full = written == buffers[used] || seen.Count + written == length + Header;
                    Assert.True(full, $"buffer {used} of {buffers[used]} bytes holds {written}");
                    seen.AddRange(card.Read(Data + ((ulong)used * 0x1000), (int)written));
                    used++;
                }

                return fits
                    ? metrics.FramesReceived == 1 && seen[10] == used && seen.Skip(Header).SequenceEqual(frame)
                    : metrics.ReceiveDrops == 1 && used == 0;
            },
            iter: 60,
            threads: 1);
}
