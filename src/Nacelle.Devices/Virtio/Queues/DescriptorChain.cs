namespace Nacelle.Devices.Virtio;

/// <summary>
/// One buffer that the driver made available: readable segments first, then writable ones (virtio 1.2, 2.7.4.2). The
/// object is a reusable holder: a device keeps one for each request that it has in flight, and
/// <see cref="Virtqueue.TryPop"/> fills it.
/// </summary>
/// <remarks>Owned by one request at a time; not thread safe.</remarks>
public sealed unsafe class DescriptorChain
{
    /// <summary>The most segments of one chain.</summary>
    public const int MaximumSegments = 1024;

    private GuestSegment[] _segments = new GuestSegment[16];
    private int _count;
    private int _readableCount;

    /// <summary>Segments that the device reads.</summary>
    public ReadOnlySpan<GuestSegment> Readable => _segments.AsSpan(0, _readableCount);

    /// <summary>Segments that the device writes.</summary>
    public ReadOnlySpan<GuestSegment> Writable => _segments.AsSpan(_readableCount, _count - _readableCount);

    /// <summary>Sum of the readable lengths; fits 64 bits whatever the guest says.</summary>
    public ulong ReadableLength { get; private set; }

    /// <summary>Sum of the writable lengths.</summary>
    public ulong WritableLength { get; private set; }

    /// <summary>Head index (split) or buffer id (packed).</summary>
    internal ushort Id { get; set; }

    /// <summary>Ring slots that the buffer takes in a packed ring.</summary>
    internal ushort SlotCount { get; set; }

    /// <summary>Copies from the readable bytes.</summary>
    /// <param name="offset">Bytes to skip.</param>
    /// <param name="destination">Where to.</param>
    /// <returns>Bytes copied: fewer than asked only where the readable part ends.</returns>
    public int CopyOut(ulong offset, Span<byte> destination)
    {
        int done = 0;
        foreach (ref readonly GuestSegment segment in Readable)
        {
            if (offset >= segment.Length)
            {
                offset -= segment.Length;
                continue;
            }

            int part = (int)Math.Min(segment.Length - offset, (ulong)(destination.Length - done));
            new ReadOnlySpan<byte>(segment.Pointer + offset, part).CopyTo(destination[done..]);
            done += part;
            offset = 0;
            if (done == destination.Length)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>Copies into the writable bytes.</summary>
    /// <param name="offset">Bytes to skip.</param>
    /// <param name="source">What.</param>
    /// <returns>Bytes copied: fewer than given only where the writable part ends.</returns>
    public int CopyIn(ulong offset, ReadOnlySpan<byte> source)
    {
        int done = 0;
        foreach (ref readonly GuestSegment segment in Writable)
        {
            if (offset >= segment.Length)
            {
                offset -= segment.Length;
                continue;
            }

            int part = (int)Math.Min(segment.Length - offset, (ulong)(source.Length - done));
            source.Slice(done, part).CopyTo(new Span<byte>(segment.Pointer + offset, part));
            done += part;
            offset = 0;
            if (done == source.Length)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>Reads a header from the start of the readable part, once.</summary>
    /// <returns>False where the readable part is too short.</returns>
    public bool TryReadHeader<T>(out T header)
        where T : unmanaged
    {
        T value;
        bool whole = CopyOut(0, new Span<byte>(&value, sizeof(T))) == sizeof(T);
        header = whole ? value : default;
        return whole;
    }

    /// <summary>Cuts a range of bytes out of a list of segments.</summary>
    /// <param name="segments">From where.</param>
    /// <param name="offset">Bytes to skip.</param>
    /// <param name="length">Bytes to take.</param>
    /// <param name="destination">Takes the pieces; as long as <paramref name="segments"/> is always enough.</param>
    /// <returns>How many pieces were written.</returns>
    public static int Slice(
        ReadOnlySpan<GuestSegment> segments, ulong offset, ulong length, Span<GuestSegment> destination)
    {
        int count = 0;
        foreach (ref readonly GuestSegment segment in segments)
        {
            if (length == 0)
            {
                break;
            }

            if (offset >= segment.Length)
            {
                offset -= segment.Length;
                continue;
            }

            uint part = (uint)Math.Min(segment.Length - offset, length);
            destination[count++] = new(segment.Address + offset, segment.Host + (nint)offset, part);
            length -= part;
            offset = 0;
        }

        return count;
    }

    internal void Clear()
    {
        _count = 0;
        _readableCount = 0;
        ReadableLength = 0;
        WritableLength = 0;
        SlotCount = 0;
    }

    /// <returns>Null, or the rule that the segment breaks.</returns>
    internal string? Add(in GuestSegment segment, bool writable)
    {
        if (_count == MaximumSegments)
        {
            return "a descriptor chain has more than 1024 segments";
        }

        if (!writable && _count != _readableCount)
        {
            return "a readable descriptor follows a writable one";
        }

        if (_count == _segments.Length)
        {
            Array.Resize(ref _segments, _count * 2);
        }

        _segments[_count++] = segment;
        if (writable)
        {
            WritableLength += segment.Length;
        }
        else
        {
            _readableCount++;
            ReadableLength += segment.Length;
        }

        return null;
    }
}
