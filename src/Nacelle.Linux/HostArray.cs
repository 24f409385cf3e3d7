namespace Nacelle.Linux;

/// <summary>
/// A zero-filled array outside the garbage collector's heap. The host gives its pages as they are touched, so that a large one
/// of which little is used costs little, and allocating it does not set off a collection.
/// </summary>
/// <typeparam name="T">What it holds.</typeparam>
/// <param name="length">Elements.</param>
/// <remarks>As thread safe as an array. Nobody may use it while or after it is disposed; left to itself, it is freed by its finaliser,
/// however much is still reached through a reference to an element.</remarks>
/// <exception cref="LinuxException">The host has no address space left.</exception>
public sealed unsafe class HostArray<T>(int length) : IDisposable
    where T : unmanaged
{
    private readonly MemoryMapping _memory = MemoryMapping.Anonymous(
        Math.Max(1, (ulong)length * (ulong)sizeof(T)), MemoryProtection.Read | MemoryProtection.Write);

    // There is nothing to free where the constructor has failed.
    /// <inheritdoc/>
    ~HostArray() => _memory?.Dispose();

    /// <summary>Elements.</summary>
    public int Length { get; } = length;

    /// <summary>An element.</summary>
    /// <param name="index">Its number.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is none of that number.</exception>
    public ref T this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Length);
            return ref ((T*)_memory.Address)[index];
        }
    }

    /// <summary>All elements.</summary>
    public Span<T> AsSpan() => new(_memory.Address, Length);

    /// <inheritdoc/>
    public void Dispose()
    {
        _memory.Dispose();
        GC.SuppressFinalize(this);
    }
}
