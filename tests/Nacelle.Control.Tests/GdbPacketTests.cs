using System.Text;
using CsCheck;
using Nacelle.Control.Gdb;

namespace Nacelle.Control.Tests;

public sealed class GdbPacketTests
{
    [Fact]
    public void What_is_framed_is_read_back_however_the_stream_is_cut()
    {
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[1, 9]).Sample((content, cut) =>
        {
            GdbPacketReader reader = new();
            byte[] packet = GdbPacketWriter.Frame(Encoding.Latin1.GetString(content));
            List<(GdbInputKind, byte[])> seen = Read(reader, packet, cut);
            (GdbInputKind kind, byte[] read) = Assert.Single(seen);
            Assert.Equal(GdbInputKind.Packet, kind);
            Assert.Equal(content, read);
        });
    }

    [Theory]
    [InlineData("+-\u0003", "Acknowledgement Refusal Interrupt")]
    [InlineData("$?#3f", "Packet ?")]
    [InlineData("$?#3F", "Packet ?")]
    [InlineData("x\n$?#3f", "Packet ?")]
    [InlineData("$?#40", "Damaged")]
    [InlineData("$?#zz", "Damaged")]
    [InlineData("$?#", "")]
    [InlineData("$lost$?#3f", "Packet ?")]
    [InlineData("$}\u0003#80", "Packet #")]
    [InlineData("$a}#de", "Damaged")]
    [InlineData("$\u0003#03", "Packet \u0003")]
    public void Each_form_is_what_the_protocol_says(string stream, string expected)
    {
        List<(GdbInputKind Kind, byte[] Content)> seen = Read(new GdbPacketReader(), Encoding.Latin1.GetBytes(stream), 1);
        Assert.Equal(expected, string.Join(' ', seen.Select(item => item.Kind == GdbInputKind.Packet ? $"Packet {Encoding.Latin1.GetString(item.Content)}" : $"{item.Kind}")));
    }

    [Fact]
    public void A_packet_that_is_too_long_is_reported_and_the_next_one_is_read()
    {
        GdbPacketReader reader = new();
        byte[] long_ = GdbPacketWriter.Frame(new string('a', GdbPacketReader.LongestPacket + 1));
        byte[] fits = GdbPacketWriter.Frame(new string('a', GdbPacketReader.LongestPacket));
        List<(GdbInputKind Kind, byte[] Content)> seen = Read(reader, [.. long_, .. fits], 1000);
        Assert.Equal([GdbInputKind.TooLong, GdbInputKind.Packet], seen.Select(item => item.Kind));
        Assert.Equal(GdbPacketReader.LongestPacket, seen[1].Content.Length);
    }

    private static List<(GdbInputKind Kind, byte[] Content)> Read(GdbPacketReader reader, byte[] stream, int cut)
    {
        List<(GdbInputKind, byte[])> seen = [];
        foreach (byte[] piece in stream.Chunk(cut))
        {
            ReadOnlySpan<byte> bytes = piece;
            while (reader.Take(ref bytes) is GdbInputKind kind)
            {
                seen.Add((kind, reader.Content.ToArray()));
            }
        }

        return seen;
    }
}
