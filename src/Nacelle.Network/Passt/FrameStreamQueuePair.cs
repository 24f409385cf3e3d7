using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Nacelle.Linux;

namespace Nacelle.Network;

/// <summary>Frames over a stream socket, each behind its length as 32 bits big-endian: the wire of passt.</summary>
/// <remarks>
/// Owned by one event loop. One system call a frame: a read takes the rest of a frame straight to its place and the length
/// of the next one with it. The peer knows no virtio-net header: none is sent, and a received frame gets one of zeroes.
/// </remarks>
internal sealed unsafe class FrameStreamQueuePair : INetworkQueuePair, IDisposable
{
    /// <summary>The longest frame that the peer may send: 64 KiB of packet, Ethernet header and VLAN tag.</summary>
    public const int MaximumFrame = 65535 + 18;

    private const int LengthSize = 4;
    private const int BadMessage = 74;
    private const int ConnectionReset = 104;
    private const int Spare = 65536;
    private readonly int _socket;
    private readonly IoVector* _vectors;
    private readonly byte* _received;
    private readonly byte* _sending;
    private readonly byte* _spare;
    private int _receivedLength;
    private int _frameLength = -1;
    private int _frameDone;
    private bool _discards;
    private int _sent;
    private int _sendTotal;
    private int _owed;

    /// <summary>Speaks over a connected, non-blocking stream socket, which stays the caller's.</summary>
    public FrameStreamQueuePair(int socket)
    {
        _socket = socket;
        _vectors = (IoVector*)NativeMemory.Alloc(IoVector.MaximumCount, (nuint)sizeof(IoVector));
        _received = (byte*)NativeMemory.AllocZeroed(2 * LengthSize);
        _sending = _received + LengthSize;
        _spare = (byte*)NativeMemory.AllocZeroed(Spare + MaximumFrame);
    }

    public int FileDescriptor => _socket;

    public bool TrySetActive(bool active) => true;

    public int Receive(IoVector* vectors, int count)
    {
        while (true)
        {
            if (_frameLength < 0)
            {
                int error = ReadLength();
                if (_frameLength < 0)
                {
                    return error;
                }
            }

            int capacity = _discards ? 0 : Clear(vectors, count);
            int entries = _discards ? 0 : Slice(vectors, count, INetworkQueuePair.HeaderSize + _frameDone, _frameLength - _frameDone);
            int here = Math.Max(0, Math.Min(_frameLength, capacity - INetworkQueuePair.HeaderSize));
            int place = Math.Max(_frameDone, _discards ? 0 : here);
            if (place < _frameLength)
            {
                _vectors[entries++] = new IoVector((nint)_spare, (nuint)(_frameLength - place));
            }

            _vectors[entries++] = new IoVector((nint)_received, LengthSize);
            nint result = VectoredIo.Read(_socket, _vectors, entries);
            if (result <= 0)
            {
                return result == -VectoredIo.WouldBlock ? 0 : result == 0 ? -ConnectionReset : (int)result;
            }

            int part = (int)Math.Min(result, _frameLength - _frameDone);
            _frameDone += part;
            _receivedLength = (int)result - part;
            if (_frameDone < _frameLength)
            {
                continue;
            }

            bool discarded = _discards;
            _frameLength = -1;
            _frameDone = 0;
            _discards = false;
            if (!discarded)
            {
                return INetworkQueuePair.HeaderSize + here;
            }
        }
    }

    public int Send(IoVector* vectors, int count, int length)
    {
        while (_owed > 0)
        {
            _vectors[0] = new IoVector((nint)_spare, (nuint)Math.Min(_owed, Spare));
            nint result = VectoredIo.Send(_socket, _vectors, 1);
            if (result < 0)
            {
                return (int)result;
            }

            _owed -= (int)result;
        }

        int frame = length - INetworkQueuePair.HeaderSize;
        _sendTotal = LengthSize + frame;
        BinaryPrimitives.WriteInt32BigEndian(new Span<byte>(_sending, LengthSize), frame);
        while (true)
        {
            int entries = 0;
            if (_sent < LengthSize)
            {
                _vectors[entries++] = new IoVector((nint)(_sending + _sent), (nuint)(LengthSize - _sent));
            }

            int done = Math.Max(0, _sent - LengthSize);
            entries = Slice(vectors, count, INetworkQueuePair.HeaderSize + done, frame - done, entries);
            nint result = VectoredIo.Send(_socket, _vectors, entries);
            if (result < 0)
            {
                return (int)result;
            }

            _sent += (int)result;
            if (_sent == _sendTotal)
            {
                _sent = 0;
                return 0;
            }
        }
    }

    public void Abandon()
    {
        // Both directions are streams: what was begun has to be ended, with bytes that mean nothing.
        _discards = _frameLength >= 0;
        if (_sent > 0)
        {
            _owed += _sendTotal - _sent;
            _sent = 0;
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_received);
        NativeMemory.Free(_spare);
    }

    /// <returns>0 where the length is complete or has to be waited for, else -errno.</returns>
    private int ReadLength()
    {
        while (_receivedLength < LengthSize)
        {
            _vectors[0] = new IoVector((nint)(_received + _receivedLength), (nuint)(LengthSize - _receivedLength));
            nint result = VectoredIo.Read(_socket, _vectors, 1);
            if (result <= 0)
            {
                return result == -VectoredIo.WouldBlock ? 0 : result == 0 ? -ConnectionReset : (int)result;
            }

            _receivedLength += (int)result;
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(new ReadOnlySpan<byte>(_received, LengthSize));
        if (length is 0 or > MaximumFrame)
        {
            return -BadMessage;
        }

        _receivedLength = 0;
        _frameLength = (int)length;
        _frameDone = 0;
        return 0;
    }

    /// <summary>Writes the header of zeroes and counts the bytes of all vectors.</summary>
    private static int Clear(IoVector* vectors, int count)
    {
        nuint header = INetworkQueuePair.HeaderSize;
        nuint capacity = 0;
        for (int i = 0; i < count; i++)
        {
            nuint part = Math.Min(header, vectors[i].Length);
            new Span<byte>(vectors[i].Pointer, (int)part).Clear();
            header -= part;
            capacity += vectors[i].Length;
        }

        return (int)Math.Min(capacity, int.MaxValue);
    }

    /// <summary>Appends a range of the caller's bytes to the vectors of the next call.</summary>
    /// <returns>The number of vectors afterwards; at least two places stay free.</returns>
    private int Slice(IoVector* vectors, int count, int offset, int length, int entries = 0)
    {
        nuint skip = (nuint)offset;
        nuint left = (nuint)length;
        for (int i = 0; i < count && left > 0 && entries < IoVector.MaximumCount - 2; i++)
        {
            if (skip >= vectors[i].Length)
            {
                skip -= vectors[i].Length;
                continue;
            }

            nuint part = Math.Min(vectors[i].Length - skip, left);
            _vectors[entries++] = new IoVector(vectors[i].Address + (nint)skip, part);
            left -= part;
            skip = 0;
        }

        return entries;
    }
}
