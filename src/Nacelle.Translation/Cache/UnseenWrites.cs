using System.Runtime.CompilerServices;
using Nacelle.Linux;

namespace Nacelle.Translation.Cache;

/// <summary>
/// Pages of guest RAM that one vCPU may write to without <see cref="CodeWatch"/> learning of it, because its soft TLB may hold
/// them for writing. Most code lies in pages that most vCPUs never write to; those need not be stopped when it is translated.
/// Changed by the vCPU's thread alone, read by all.
/// </summary>
/// <param name="pages">How many there are.</param>
internal sealed unsafe class UnseenWrites(int pages) : IDisposable
{
    private readonly HostArray<ulong> _bits = new((pages + 63) / 64);

    /// <summary>Where the bits lie, one a page in the order of guest RAM's backing memory.</summary>
    public ulong* Address => (ulong*)Unsafe.AsPointer(ref _bits[0]);

    /// <summary>From any thread: whether a page is among them.</summary>
    public bool Contains(int page) => (Volatile.Read(ref _bits[page >> 6]) & (1UL << page)) != 0;

    /// <summary>Enters a page. On the vCPU's thread.</summary>
    public void Add(int page) => Volatile.Write(ref _bits[page >> 6], _bits[page >> 6] | (1UL << page));

    /// <summary>Takes a page out again: no write to it is on its way any more. On the vCPU's thread.</summary>
    public void Remove(int page) => Volatile.Write(ref _bits[page >> 6], _bits[page >> 6] & ~(1UL << page));

    /// <summary>Takes all pages out again. On the vCPU's thread.</summary>
    public void Clear() => _bits.AsSpan().Clear();

    /// <summary>When nobody asks any more.</summary>
    public void Dispose() => _bits.Dispose();
}
