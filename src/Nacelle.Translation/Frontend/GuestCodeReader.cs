using Iced.Intel;

namespace Nacelle.Translation.Frontend;

/// <summary>Feeds the decoder from a private copy of guest code, so that what was judged is what is translated.</summary>
internal sealed class GuestCodeReader : CodeReader
{
    /// <summary>Most bytes a block is decoded from, with the rest of an instruction that crosses into the next page.</summary>
    public const int Capacity = 4096 + 16;

    private readonly byte[] _bytes = new byte[Capacity];
    private int _length;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>The copy, to be filled before <see cref="Begin"/>.</summary>
    public Span<byte> Buffer => _bytes;

    /// <summary>Starts over with this many bytes.</summary>
    public void Begin(int length)
    {
        _length = length;
        Position = 0;
    }

    /// <summary>Goes back, after decoding an instruction that does not belong to the block.</summary>
    public void Rewind(int position) => Position = position;

    /// <summary>Bytes of the copy.</summary>
    public ReadOnlySpan<byte> Slice(int offset, int length) => _bytes.AsSpan(offset, length);

    /// <inheritdoc/>
    public override int ReadByte() => Position < _length ? _bytes[Position++] : -1;
}
