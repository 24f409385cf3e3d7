namespace Nacelle.Control.Gdb;

/// <summary>What came from gdb.</summary>
internal enum GdbInputKind
{
    /// <summary>A packet with a right checksum.</summary>
    Packet,

    /// <summary>A packet whose checksum is wrong.</summary>
    Damaged,

    /// <summary>A packet longer than <see cref="GdbPacketReader.LongestPacket"/>; its content is lost.</summary>
    TooLong,

    /// <summary>"+": the last reply arrived.</summary>
    Acknowledgement,

    /// <summary>"-": the last reply arrived damaged.</summary>
    Refusal,

    /// <summary>The byte 3 outside of a packet: somebody pressed Ctrl-C.</summary>
    Interrupt,
}

/// <summary>
/// Cuts a stream of bytes into packets: "$", content, "#" and two hexadecimal digits of the content's sum (GDB manual, appendix E,
/// Overview). However the stream is cut, and whatever is in it, it holds at most one packet. For one thread.
/// </summary>
internal sealed class GdbPacketReader
{
    /// <summary>Most bytes of a packet's content before unescaping; gdb is told.</summary>
    public const int LongestPacket = 0x4000;

    private const byte Escape = (byte)'}';
    private readonly byte[] _content = new byte[LongestPacket];
    private int _length;
    private byte _sum;
    private byte _firstDigit;
    private bool _hasFirstDigit;
    private bool _tooLong;
    private State _state;

    private enum State
    {
        Outside,
        Content,
        Checksum,
    }

    /// <summary>The content of the packet last returned, with escapes undone; until the next call.</summary>
    public ReadOnlySpan<byte> Content => _content.AsSpan(0, _length);

    /// <summary>Takes bytes up to the end of the next thing of interest.</summary>
    /// <param name="bytes">What has arrived; what was taken is cut off.</param>
    /// <returns>What it was, or null when all bytes are taken and none is complete.</returns>
    public GdbInputKind? Take(ref ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            if (Take(bytes[i]) is GdbInputKind kind)
            {
                bytes = bytes[(i + 1)..];
                return kind;
            }
        }

        bytes = [];
        return null;
    }

    private GdbInputKind? Take(byte value)
    {
        switch (_state)
        {
            case State.Outside:
                switch (value)
                {
                    case (byte)'$':
                        Begin();
                        return null;
                    case (byte)'+':
                        return GdbInputKind.Acknowledgement;
                    case (byte)'-':
                        return GdbInputKind.Refusal;
                    case 3:
                        return GdbInputKind.Interrupt;
                    default:
                        // Noise between packets means nothing.
                        return null;
                }

            case State.Content:
                if (value == '#')
                {
                    _state = State.Checksum;
                    _hasFirstDigit = false;
                }
                else if (value == '$')
                {
                    // "$" is always escaped inside: the rest of a packet was lost and this is the next.
                    Begin();
                }
                else
                {
                    Append(value);
                }

                return null;
            default:
                if (!_hasFirstDigit)
                {
                    _firstDigit = value;
                    _hasFirstDigit = true;
                    return null;
                }

                return End(value);
        }
    }

    private void Begin()
    {
        _state = State.Content;
        _length = 0;
        _sum = 0;
        _tooLong = false;
    }

    private void Append(byte value)
    {
        _sum += value;
        if (_length == LongestPacket)
        {
            _tooLong = true;
        }
        else
        {
            _content[_length++] = value;
        }
    }

    private GdbInputKind End(byte secondDigit)
    {
        _state = State.Outside;
        int high = GdbHex.Digit(_firstDigit);
        int low = GdbHex.Digit(secondDigit);
        if (high < 0 || low < 0 || ((high << 4) | low) != _sum)
        {
            _length = 0;
            return GdbInputKind.Damaged;
        }

        if (_tooLong || !TryUnescape())
        {
            _length = 0;
            return _tooLong ? GdbInputKind.TooLong : GdbInputKind.Damaged;
        }

        return GdbInputKind.Packet;
    }

    /// <summary>"}" stands before a byte that is sent with bit 5 turned over.</summary>
    private bool TryUnescape()
    {
        int to = 0;
        for (int from = 0; from < _length; from++)
        {
            byte value = _content[from];
            if (value == Escape)
            {
                from++;
                if (from == _length)
                {
                    return false;
                }

                value = (byte)(_content[from] ^ 0x20);
            }

            _content[to++] = value;
        }

        _length = to;
        return true;
    }
}
