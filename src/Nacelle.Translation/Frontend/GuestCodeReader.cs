using Iced.Intel;

namespace Nacelle.Translation.Frontend;

/// <summary>Feeds the decoder from a private copy of a page of guest code, so that what was judged is what is translated.</summary>
internal sealed class GuestCodeReader : CodeReader
{
    /// <summary>A page, with the rest of an instruction that crosses into the next one.</summary>
    public const int Capacity = 4096 + 16;

    private readonly byte[] _bytes = new byte[Capacity];
    private int _start;
    private int _end;
    private int _next;

    /// <summary>Bytes read since the beginning of the block.</summary>
    public int Position => _next - _start;

    /// <summary>The copy from the first byte of the page, to be filled before <see cref="Begin"/>.</summary>
    public Span<byte> Page => _bytes;

    /// <summary>Starts over.</summary>
    /// <param name="start">Offset of the block in the page.</param>
    /// <param name="length">Bytes that may be read from there.</param>
    public void Begin(int start, int length)
    {
        _start = start;
        _next = start;
        _end = start + length;
    }

    /// <summary>Reads on elsewhere in the page, as far as the page goes.</summary>
    public void Peek(int offset)
    {
        _next = offset;
        _end = 4096;
    }

    /// <summary>Goes on at an offset, within what may be read.</summary>
    public void MoveTo(int offset) => _next = offset;

    /// <summary>The bytes from an offset on that may be read.</summary>
    public ReadOnlySpan<byte> From(int offset) => _bytes.AsSpan(offset, _end - offset);

    /// <summary>Offset in the page of the next byte.</summary>
    public int Offset => _next;

    /// <summary>Bytes of the copy, by their offset in the block.</summary>
    public ReadOnlySpan<byte> Slice(int offset, int length) => _bytes.AsSpan(_start + offset, length);

    /// <inheritdoc/>
    public override int ReadByte() => _next < _end ? _bytes[_next++] : -1;
}
