using System.Runtime.InteropServices;

namespace Nacelle.Block;

/// <summary>A stretch of host memory, in the layout of struct iovec.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BlockSegment
{
    public byte* Address;
    public nuint Length;
}

/// <summary>An array of segments in native memory, where the host kernel can read it; grows and never shrinks.</summary>
internal sealed unsafe class BlockSegmentList : IDisposable
{
    private int _capacity;

    public BlockSegment* Start { get; private set; }

    public int Count { get; private set; }

    public void Clear() => Count = 0;

    public void Append(byte* address, nuint length)
    {
        if (Count == _capacity)
        {
            _capacity = Math.Max(16, _capacity * 2);
            Start = (BlockSegment*)NativeMemory.Realloc(Start, (nuint)(_capacity * sizeof(BlockSegment)));
        }

        Start[Count++] = new BlockSegment { Address = address, Length = length };
    }

    public void Dispose()
    {
        NativeMemory.Free(Start);
        Start = null;
        (_capacity, Count) = (0, 0);
    }
}
