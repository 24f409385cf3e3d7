using CsCheck;
using Nacelle.Devices.Virtio.Block;

namespace Nacelle.Devices.Tests.VirtioBlock;

public sealed class BlockRequestParserTests
{
    private static readonly Gen<ulong> s_number = Gen.OneOf(Gen.ULong, Gen.ULong[0, 4096], Gen.ULong[ulong.MaxValue - 4096, ulong.MaxValue]);

    [Fact]
    public void Allows_no_transfer_that_leaves_the_disk()
    {
        Gen.Select(Gen.UInt[0, 1], s_number, s_number, Gen.ULong[0, 1UL << 40], Gen.Bool).Sample((type, sector, length, sectors, readOnly) =>
        {
            BlockHeader header = new() { Type = (BlockRequestType)type, Sector = sector };
            ulong data = Math.Min(length, ulong.MaxValue - BlockHeader.Size);
            BlockPlan plan = type == 0
                ? BlockRequestParser.Parse(header, BlockHeader.Size, Math.Max(data, 1), new BlockLimits(sectors, readOnly, true, true))
                : BlockRequestParser.Parse(header, BlockHeader.Size + data, 1, new BlockLimits(sectors, readOnly, true, true));

            // A read's writable part ends with the status byte, which is no data.
            UInt128 end = (UInt128)sector * 512 + (type == 0 ? Math.Max(data, 1) - 1 : data);
            bool valid = (type == 0 || !readOnly) && end <= (UInt128)sectors * 512 && end % 512 == 0;
            return valid == (plan.Status == BlockStatus.Ok)
                && (!valid || (UInt128)plan.Offset + plan.DataLength == end);
        });
    }

    [Fact]
    public void Allows_no_range_that_leaves_the_disk_and_no_reserved_flag()
    {
        Gen.Select(Gen.Bool, s_number, Gen.UInt, Gen.UInt[0, 3], Gen.ULong[0, 1UL << 40]).Sample(
            (zero, sector, count, flags, sectors) =>
            {
                BlockRequestType type = zero ? BlockRequestType.WriteZeroes : BlockRequestType.Discard;
                BlockStatus status = BlockRequestParser.Check(
                    new BlockRange { Sector = sector, SectorCount = count, Flags = flags }, type, new BlockLimits(sectors, false, true, true));
                bool flagsAllowed = flags == 0 || (flags == 1 && type == BlockRequestType.WriteZeroes);
                bool inside = count is > 0 and <= BlockRequestParser.MaximumRangeSectors && (UInt128)sector + count <= sectors;
                return status == (!flagsAllowed ? BlockStatus.Unsupported : inside ? BlockStatus.Ok : BlockStatus.IoError);
            });
    }

    [Theory]
    [InlineData(2u)]
    [InlineData(11u)]
    [InlineData(13u)]
    [InlineData(uint.MaxValue)]
    public void Answers_unknown_and_unnegotiated_types_with_unsupported(uint type)
    {
        BlockHeader header = new() { Type = (BlockRequestType)type };
        Assert.Equal(BlockStatus.Unsupported, BlockRequestParser.Parse(header, 32, 1, new BlockLimits(8, false, false, false)).Status);
    }

    [Theory]
    [InlineData(15, 1, false)]
    [InlineData(16, 0, false)]
    [InlineData(16, 1, true)]
    public void Wants_a_whole_header_and_room_for_the_status(ulong readable, ulong writable, bool framed) =>
        Assert.Equal(framed, BlockRequestParser.Framing(readable, writable) is null);
}
