using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using CsCheck;
using Nacelle.Linux;

namespace Nacelle.Network.Tests;

/// <summary>The wire of passt, with the test as the peer at the far end of the socket.</summary>
public sealed unsafe class FrameStreamTests : IDisposable
{
    private const int Room = 70000;
    private readonly DescriptorPair _ends = DescriptorPair.StreamSockets(1 << 16);
    private readonly FrameStreamQueuePair _pair;
    private readonly Socket _peer;
    private readonly byte* _memory = (byte*)NativeMemory.AllocZeroed(Room);
    private readonly IoVector* _vectors = (IoVector*)NativeMemory.AllocZeroed(8, (nuint)sizeof(IoVector));

    public FrameStreamTests()
    {
        _pair = new FrameStreamQueuePair(_ends.Near);
        _peer = new Socket(new SafeSocketHandle(_ends.Far, ownsHandle: false)) { ReceiveTimeout = 20_000 };
    }

    public void Dispose()
    {
        _peer.Dispose();
        _pair.Dispose();
        _ends.Dispose();
        NativeMemory.Free(_memory);
        NativeMemory.Free(_vectors);
    }

    [Fact]
    public void Frames_arrive_whole_however_the_stream_is_cut() => Gen.Select(
        Gen.Int[1, 400].Array[1, 6], Gen.Int[1, 60].Array[1, 40]).Sample(
        (lengths, cuts) =>
        {
            byte[][] frames = [.. lengths.Select(length => Frame(length))];
            byte[] stream = [.. frames.SelectMany(Wrap)];
            List<byte[]> seen = [];
            int done = 0;
            for (int i = 0; done < stream.Length; i++)
            {
                int part = Math.Min(cuts[i % cuts.Length], stream.Length - done);
                _peer.Send(stream.AsSpan(done, part));
                done += part;
                ReceiveAll(seen);
            }

            return seen.Count == frames.Length && seen.Zip(frames).All(both => both.First.AsSpan().SequenceEqual(both.Second));
        },
        threads: 1);

    [Fact]
    public void A_frame_longer_than_its_place_is_cut_and_the_next_one_is_whole()
    {
        byte[] next = Frame(30);
        _peer.Send([.. Wrap(Frame(300)), .. Wrap(next)]);
        _vectors[0] = new IoVector((nint)_memory, 100);
        Assert.Equal(100, _pair.Receive(_vectors, 1));
        Assert.Equal(Frame(300)[..88], new Span<byte>(_memory + 12, 88).ToArray());
        Assert.Equal(42, _pair.Receive(_vectors, 1));
        Assert.Equal(next, new Span<byte>(_memory + 12, 30).ToArray());
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(65554u)]
    [InlineData(uint.MaxValue)]
    public void A_length_that_no_frame_has_ends_the_stream(uint length)
    {
        byte[] prefix = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(prefix, length);
        _peer.Send(prefix);
        _vectors[0] = new IoVector((nint)_memory, 2000);
        Assert.True(_pair.Receive(_vectors, 1) < 0);
    }

    [Fact]
    public void A_peer_that_hangs_up_ends_both_directions()
    {
        _peer.Shutdown(SocketShutdown.Both);
        _peer.Close();
        _ends.CloseFar();
        _vectors[0] = new IoVector((nint)_memory, 2000);
        Assert.True(_pair.Receive(_vectors, 1) < 0);
        Assert.True(_pair.Send(_vectors, 1, 2000) is < 0 and not -VectoredIo.WouldBlock);
    }

    [Fact]
    public void A_frame_that_waits_for_room_goes_on_where_it_stopped()
    {
        byte[] frame = Frame(60000);
        frame.CopyTo(new Span<byte>(_memory + 12, 60000));
        _vectors[0] = new IoVector((nint)_memory, 13);
        _vectors[1] = new IoVector((nint)(_memory + 13), 60012 - 13);
        List<byte> stream = [];
        byte[] buffer = new byte[8192];
        for (int sent = 0; sent < 10;)
        {
            int result = _pair.Send(_vectors, 2, 60012);
            Assert.True(result is 0 or -VectoredIo.WouldBlock, $"a send answered {result}");
            sent += result == 0 ? 1 : 0;
            if (result != 0)
            {
                stream.AddRange(buffer.AsSpan(0, _peer.Receive(buffer)));
            }
        }

        while (stream.Count < 10 * 60004)
        {
            stream.AddRange(buffer.AsSpan(0, _peer.Receive(buffer)));
        }

        byte[] expected = Wrap(frame);
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(expected, stream.GetRange(i * expected.Length, expected.Length));
        }
    }

    [Fact]
    public void Half_a_frame_given_up_leaves_the_stream_in_step()
    {
        byte[] first = Frame(500);
        _peer.Send(Wrap(first).AsSpan(0, 200));
        _vectors[0] = new IoVector((nint)_memory, 2000);
        Assert.Equal(0, _pair.Receive(_vectors, 1));
        _pair.Abandon();
        new Span<byte>(_memory, 2000).Fill(0xCC);
        byte[] second = Frame(77);
        _peer.Send([.. Wrap(first)[200..], .. Wrap(second)]);
        Assert.Equal(89, _pair.Receive(_vectors, 1));
        Assert.Equal(second, new Span<byte>(_memory + 12, 77).ToArray());
    }

    [Fact]
    public void Half_a_frame_sent_and_given_up_is_filled_up_before_the_next_one()
    {
        _vectors[0] = new IoVector((nint)_memory, 60012);
        int whole = 0;
        while (_pair.Send(_vectors, 1, 60012) == 0)
        {
            whole++;
        }

        _pair.Abandon();
        byte[] next = Frame(99);
        next.CopyTo(new Span<byte>(_memory + 12, 99));
        _vectors[0] = new IoVector((nint)_memory, 111);
        List<byte> stream = [];
        byte[] buffer = new byte[65536];
        bool sent = false;
        while (stream.Count < ((whole + 1) * 60004) + 103)
        {
            stream.AddRange(buffer.AsSpan(0, _peer.Receive(buffer)));
            sent = sent || _pair.Send(_vectors, 1, 111) == 0;
        }

        Assert.True(sent);
        Assert.Equal(Wrap(next), stream.GetRange((whole + 1) * 60004, 103));
    }

    private void ReceiveAll(List<byte[]> seen)
    {
        // Three pieces, of which the first two cut the header.
        _vectors[0] = new IoVector((nint)_memory, 5);
        _vectors[1] = new IoVector((nint)(_memory + 5), 20);
        _vectors[2] = new IoVector((nint)(_memory + 25), 2000);
        for (int length = _pair.Receive(_vectors, 3); length > 0; length = _pair.Receive(_vectors, 3))
        {
            Assert.Equal(new byte[12], new Span<byte>(_memory, 12).ToArray());
            seen.Add(new Span<byte>(_memory + 12, length - 12).ToArray());
            new Span<byte>(_memory, 2025).Fill(0xAA);
        }
    }

    private static byte[] Frame(int length)
    {
        byte[] frame = new byte[length];
        new Random(length).NextBytes(frame);
        return frame;
    }

    private static byte[] Wrap(byte[] frame)
    {
        byte[] prefix = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(prefix, frame.Length);
        return [.. prefix, .. frame];
    }
}
