using System.Runtime.InteropServices;
using Nacelle.Linux;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>
/// The buffers of the guest that wait for frames, as one list of vectors for the host: a frame is read straight to its
/// place before anybody knows how long it is, and the buffers behind it wait on for the next one.
/// </summary>
/// <remarks>Owned by the queue pair's loop.</remarks>
internal sealed unsafe class ReceiveBuffers : IDisposable
{
    /// <summary>Descriptors of a queue whose every chain finds place in one call to the host, with the overflow behind it.</summary>
    public const int MaximumQueueSize = 512;

    private const int Places = 2 * IoVector.MaximumCount;
    private const int OverflowSize = 65536 + 64;
    private readonly IoVector* _vectors;
    private readonly byte* _overflow;
    private readonly DescriptorChain[] _chains;
    private readonly uint[] _capacities;
    private int _head;
    private int _firstVector;
    private int _endVector;

    /// <param name="queueSize">Descriptors of the queue, a power of two of at most <see cref="MaximumQueueSize"/>.</param>
    public ReceiveBuffers(int queueSize)
    {
        _vectors = (IoVector*)NativeMemory.Alloc(Places, (nuint)sizeof(IoVector));
        _overflow = (byte*)NativeMemory.AllocZeroed(OverflowSize);
        _capacities = new uint[queueSize];
        _chains = new DescriptorChain[queueSize];
        for (int i = 0; i < queueSize; i++)
        {
            _chains[i] = new DescriptorChain();
        }
    }

    /// <summary>Bytes of all buffers here, at most <see cref="int.MaxValue"/>.</summary>
    public int Capacity { get; private set; }

    /// <summary>Buffers here.</summary>
    public int Count { get; private set; }

    /// <summary>Whether another buffer of the queue finds place whatever its number of segments.</summary>
    public bool HasPlace =>
        Count < _chains.Length && _endVector - _firstVector + _chains.Length < IoVector.MaximumCount && Capacity < int.MaxValue / 2;

    /// <summary>The vectors, with one behind them that takes what does not fit; valid until the next change.</summary>
    public IoVector* Vectors => _vectors + _firstVector;

    /// <summary>The number of vectors, with the overflow.</summary>
    public int VectorCount => _endVector - _firstVector + 1;

    /// <summary>Takes the next buffer from the queue, when <see cref="HasPlace"/>.</summary>
    /// <returns>False where there is none, or it breaks a rule and the queue with it.</returns>
    public bool TryAdd(Virtqueue queue)
    {
        int place = (_head + Count) & (_chains.Length - 1);
        DescriptorChain chain = _chains[place];
        if (!queue.TryPop(chain))
        {
            return false;
        }

        ReadOnlySpan<GuestSegment> segments = chain.Writable;
        string? rule = chain.WritableLength < NetworkHeader.Size ? "a receive buffer has no room for a header"
            : segments.Length > _chains.Length ? "a receive buffer has more segments than the queue has descriptors"
            : null;
        if (rule is not null)
        {
            queue.Break(rule);
            return false;
        }

        if (_endVector + segments.Length >= Places)
        {
            int live = _endVector - _firstVector;
            new Span<IoVector>(_vectors + _firstVector, live).CopyTo(new Span<IoVector>(_vectors, live));
            (_firstVector, _endVector) = (0, live);
        }

        foreach (ref readonly GuestSegment segment in segments)
        {
            _vectors[_endVector++] = new IoVector(segment.Host, segment.Length);
        }

        uint capacity = (uint)Math.Min(chain.WritableLength, int.MaxValue / 4);
        _capacities[place] = capacity;
        Capacity += (int)capacity;
        Count++;
        _vectors[_endVector] = new IoVector((nint)_overflow, OverflowSize);
        return true;
    }

    /// <summary>Copies bytes that were received from the start of the first buffers.</summary>
    /// <param name="offset">Bytes to skip.</param>
    /// <param name="destination">Where to; no more than was received.</param>
    public void Peek(int offset, Span<byte> destination)
    {
        nuint skip = (nuint)offset;
        for (IoVector* vector = Vectors; !destination.IsEmpty; vector++)
        {
            if (skip >= vector->Length)
            {
                skip -= vector->Length;
                continue;
            }

            int part = (int)Math.Min(vector->Length - skip, (nuint)destination.Length);
            new ReadOnlySpan<byte>(vector->Pointer + skip, part).CopyTo(destination);
            destination = destination[part..];
            skip = 0;
        }
    }

    /// <summary>Gives the first buffers back to the queue with what was received into them, and stages it.</summary>
    /// <param name="queue">Where they came from.</param>
    /// <param name="length">Bytes received, at most <see cref="Capacity"/>.</param>
    /// <param name="checksums">Whether the driver looks at checksum marks; where not, the header is zeroed but for the number of buffers.</param>
    public void Give(Virtqueue queue, int length, bool checksums)
    {
        WriteHeader(CountFor(length), checksums);
        while (length > 0)
        {
            DescriptorChain chain = _chains[_head];
            int capacity = (int)_capacities[_head];
            int part = Math.Min(length, capacity);
            queue.Stage(chain, (uint)part);
            length -= part;
            _firstVector += chain.Writable.Length;
            Capacity -= capacity;
            Count--;
            _head = (_head + 1) & (_chains.Length - 1);
        }
    }

    /// <summary>Whether so many bytes fit into one buffer; without the mergeable feature they have to.</summary>
    public bool FitsFirst(int length) => Count > 0 && length <= _capacities[_head];

    /// <summary>Forgets all buffers.</summary>
    public void Clear()
    {
        (_head, Count, Capacity) = (0, 0, 0);
        (_firstVector, _endVector) = (0, 0);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Clear();
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_overflow);
    }

    private int CountFor(int length)
    {
        int buffers = 0;
        for (int place = _head; length > 0; place = (place + 1) & (_chains.Length - 1))
        {
            length -= (int)_capacities[place];
            buffers++;
        }

        return buffers;
    }

    private void WriteHeader(int buffers, bool checksums)
    {
        Span<byte> header = stackalloc byte[NetworkHeader.Size];
        header.Clear();
        header[NetworkHeader.BufferCountOffset] = (byte)buffers;
        header[NetworkHeader.BufferCountOffset + 1] = (byte)(buffers >> 8);
        int offset = checksums ? NetworkHeader.BufferCountOffset : 0;
        _chains[_head].CopyIn((ulong)offset, header[offset..]);
    }
}
