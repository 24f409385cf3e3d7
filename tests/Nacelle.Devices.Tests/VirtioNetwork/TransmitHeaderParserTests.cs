using CsCheck;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Network;

namespace Nacelle.Devices.Tests.VirtioNetwork;

public sealed class TransmitHeaderParserTests
{
    private const NetworkOffloads All = NetworkOffloads.Checksum | NetworkOffloads.Tcp4 | NetworkOffloads.Tcp6
        | NetworkOffloads.TcpCongestion | NetworkOffloads.Udp;

    private static readonly Gen<ushort> s_number = Gen.OneOf(Gen.UShort[0, 80], Gen.UShort, Gen.UShort[65500, 65535]);

    [Fact]
    public void A_plain_frame_passes_and_takes_nothing_unasked_along()
    {
        NetworkHeader header = new()
        {
            Flags = 0xFE,
            HeaderLength = 9,
            SegmentSize = 9,
            ChecksumStart = 60000,
            ChecksumOffset = 60000,
            BufferCount = 7,
        };
        Assert.Null(TransmitHeaderParser.Judge(ref header, 60, NetworkOffloads.None));
        Assert.Equal(default, header);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(13UL)]
    [InlineData(65554UL)]
    [InlineData(ulong.MaxValue)]
    public void A_frame_of_a_length_that_no_network_has_is_refused(ulong length)
    {
        NetworkHeader header = default;
        Assert.NotNull(TransmitHeaderParser.Judge(ref header, length, All));
    }

    [Theory]
    [InlineData(NetworkOffloads.None, 34, 16, 100, "not negotiated")]
    [InlineData(All, 13, 16, 100, "Ethernet header")]
    [InlineData(All, 34, 65, 100, "outside")]
    [InlineData(All, 99, 0, 100, "outside")]
    [InlineData(All, 65535, 65535, 65535, "outside")]
    [InlineData(All, 34, 16, 52, null)]
    public void A_checksum_has_to_be_allowed_and_to_lie_in_its_frame(
        NetworkOffloads allowed, int start, int offset, int length, string? rule)
    {
        NetworkHeader header = new() { Flags = 1, ChecksumStart = (ushort)start, ChecksumOffset = (ushort)offset };
        AssertRule(rule, TransmitHeaderParser.Judge(ref header, (ulong)length, allowed));
    }

    [Theory]
    [InlineData(All, 1, 1448, true, null)]
    [InlineData(All, 4, 1448, true, null)]
    [InlineData(All, 3, 1448, true, null)]
    [InlineData(All, 0x81, 1448, true, null)]
    [InlineData(All, 2, 1448, true, "not known")]
    [InlineData(All, 5, 1448, true, "not known")]
    [InlineData(All, 0x80, 1448, true, "not known")]
    [InlineData(All, 0x83, 1448, true, "not known")]
    [InlineData(All, 255, 1448, true, "not known")]
    [InlineData(All, 1, 0, true, "zero")]
    [InlineData(All, 1, 1448, false, "checksum already")]
    [InlineData(NetworkOffloads.Checksum, 1, 1448, true, "not negotiated")]
    [InlineData(NetworkOffloads.Checksum | NetworkOffloads.Tcp4, 4, 1448, true, "not negotiated")]
    [InlineData(NetworkOffloads.Checksum | NetworkOffloads.Tcp4, 0x81, 1448, true, "ECN")]
    public void Segmentation_has_to_be_known_negotiated_and_complete(
        NetworkOffloads allowed, int type, int size, bool checksum, string? rule)
    {
        NetworkHeader header = new()
        {
            Flags = checksum ? (byte)1 : (byte)0,
            Segmentation = (SegmentationType)type,
            SegmentSize = (ushort)size,
            HeaderLength = ushort.MaxValue,
            ChecksumStart = 34,
            ChecksumOffset = 16,
        };
        AssertRule(rule, TransmitHeaderParser.Judge(ref header, 5000, allowed));
        if (rule is null)
        {
            Assert.Equal(5000, header.HeaderLength);
        }
    }

    [Fact]
    public void What_passes_points_nowhere_outside_of_its_frame_and_uses_only_what_was_negotiated()
    {
        Gen.Select(Gen.Byte, Gen.Byte, Gen.Select(s_number, s_number, s_number, s_number), Gen.ULong[0, 70000], Gen.Int[0, 31]).Sample(
            (flags, type, fields, length, allowed) =>
            {
                NetworkHeader header = new()
                {
                    Flags = flags,
                    Segmentation = (SegmentationType)type,
                    HeaderLength = fields.Item1,
                    SegmentSize = fields.Item2,
                    ChecksumStart = fields.Item3,
                    ChecksumOffset = fields.Item4,
                };
                if (TransmitHeaderParser.Judge(ref header, length, (NetworkOffloads)allowed) is not null)
                {
                    return true;
                }

                bool checksum = header.Flags == 1;
                bool segmented = header.Segmentation != SegmentationType.None;
                NetworkOffloads used = (checksum ? NetworkOffloads.Checksum : 0)
                    | ((type & 0x7F) switch { 1 => NetworkOffloads.Tcp4, 3 => NetworkOffloads.Udp, 4 => NetworkOffloads.Tcp6, _ => 0 })
                    | ((type & 0x80) != 0 ? NetworkOffloads.TcpCongestion : 0);
                return header.Flags <= 1
                    && header.HeaderLength <= length
                    && (!checksum || (ulong)(header.ChecksumStart + header.ChecksumOffset + 2) <= length)
                    && (checksum || (header.ChecksumStart == 0 && header.ChecksumOffset == 0))
                    && (segmented ? header.SegmentSize != 0 && checksum : header.SegmentSize == 0)
                    && (used & ~(NetworkOffloads)allowed) == 0;
            });
    }

    private static void AssertRule(string? expected, string? actual)
    {
        if (expected is null)
        {
            Assert.Null(actual);
        }
        else
        {
            Assert.Contains(expected, actual, StringComparison.Ordinal);
        }
    }
}
