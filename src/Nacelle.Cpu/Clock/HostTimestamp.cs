using Nacelle.Linux;

namespace Nacelle.Cpu;

/// <summary>The host's time-stamp counter. .NET has no intrinsic for RDTSC, so a page of machine code reads it.</summary>
public static unsafe class HostTimestamp
{
    // Mapped for the life of the process: the pointer is handed to every vCPU.
    private static readonly MemoryMapping _code = Emit();
    private static readonly delegate* unmanaged<ulong> _read = (delegate* unmanaged<ulong>)_code.Address;

    /// <summary>RDTSC on the calling thread's processor. Safe from any thread.</summary>
    public static ulong Read() => _read();

    private static MemoryMapping Emit()
    {
        // rdtsc; shl rdx, 32; or rax, rdx; ret
        ReadOnlySpan<byte> code = [0x0F, 0x31, 0x48, 0xC1, 0xE2, 0x20, 0x48, 0x09, 0xD0, 0xC3];
        using SharedMemory backing = SharedMemory.Create("rdtsc", 4096);
        using (MemoryMapping writable = backing.Map(MemoryProtection.Read | MemoryProtection.Write))
        {
            code.CopyTo(new Span<byte>(writable.Address, code.Length));
        }

        return backing.Map(MemoryProtection.Read | MemoryProtection.Execute);
    }
}
