namespace Nacelle.Kvm;

/// <summary>Choices that a VM is created with. Immutable.</summary>
public sealed record KvmAcceleratorOptions
{
    /// <summary>
    /// Entries of each vCPU's dirty ring, a power of two from 1024 to 65536, or 0 to log dirty pages in bitmaps. A ring's
    /// cost grows with the pages written, a bitmap's with the size of RAM.
    /// </summary>
    public int DirtyRingEntries { get; init; }

    /// <summary>Whether the kernel emulates the interrupt controllers; off for a VM that only measures.</summary>
    internal bool InterruptControllers { get; init; } = true;
}
