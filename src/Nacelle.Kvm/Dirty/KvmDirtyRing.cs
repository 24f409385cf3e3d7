using Nacelle.Kvm.Interop;
using Nacelle.Linux;

namespace Nacelle.Kvm;

/// <summary>The pages that one vCPU wrote, in a ring that the kernel fills (KVM API, 8.29).</summary>
/// <remarks>For one thread at a time; <see cref="KvmDirtyLog"/> sees to it.</remarks>
internal sealed unsafe class KvmDirtyRing : IDisposable
{
    /// <summary>Where a vCPU's descriptor maps its ring, in pages.</summary>
    private const ulong PageOffset = 64;

    private readonly MemoryMapping _mapping;
    private readonly uint _mask;
    private uint _next;

    /// <summary>Maps the ring of a vCPU.</summary>
    /// <exception cref="LinuxException">The host refused.</exception>
    public KvmDirtyRing(int vcpuDescriptor, int entries)
    {
        _mask = (uint)entries - 1;
        _mapping = MemoryMapping.OfFile(
            vcpuDescriptor,
            PageOffset * (ulong)Environment.SystemPageSize,
            (ulong)(entries * sizeof(KvmDirtyEntry)),
            MemoryProtection.Read | MemoryProtection.Write);
    }

    /// <summary>Takes the oldest entry.</summary>
    public bool TryTake(out uint slot, out ulong page)
    {
        KvmDirtyEntry* entry = (KvmDirtyEntry*)_mapping.Address + (_next & _mask);
        if (Volatile.Read(ref entry->Flags) != KvmDirtyEntry.Dirty)
        {
            slot = 0;
            page = 0;
            return false;
        }

        // The upper half of the slot is the address space; the second one, for SMM, has no RAM of its own here.
        slot = entry->Slot & 0xFFFF;
        page = entry->PageOffset;
        Volatile.Write(ref entry->Flags, KvmDirtyEntry.Collected);
        _next++;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _mapping.Dispose();
}
