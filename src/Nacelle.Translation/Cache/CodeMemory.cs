using Nacelle.Linux;

namespace Nacelle.Translation.Cache;

/// <summary>Memory for translated code, mapped once to write and once to execute: no page is both.</summary>
internal sealed unsafe class CodeMemory : IDisposable
{
    /// <summary>Bytes; more than any one block takes.</summary>
    public const int LargestBlock = 64 * 1024;

    private readonly SharedMemory _memory;
    private readonly MemoryMapping _writable;
    private readonly MemoryMapping _executable;

    /// <param name="size">Bytes, a multiple of the page size.</param>
    public CodeMemory(int size)
    {
        Size = size;
        _memory = SharedMemory.Create("translated-code", (ulong)size);
        _writable = _memory.Map(MemoryProtection.Read | MemoryProtection.Write);
        _executable = _memory.Map(MemoryProtection.Read | MemoryProtection.Execute);
    }

    /// <summary>Bytes.</summary>
    public int Size { get; }

    /// <summary>The view to write to.</summary>
    public byte* Writable => _writable.Address;

    /// <summary>The view that executes.</summary>
    public byte* Executable => _executable.Address;

    /// <inheritdoc/>
    public void Dispose()
    {
        _writable.Dispose();
        _executable.Dispose();
        _memory.Dispose();
    }
}
