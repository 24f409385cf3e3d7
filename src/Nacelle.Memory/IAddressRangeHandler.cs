namespace Nacelle.Memory;

/// <summary>What answers accesses to a range of an address space: the registers of a device.</summary>
/// <remarks>Called on vCPU threads, several at once; the handler guards its own state.</remarks>
public interface IAddressRangeHandler
{
    /// <summary>Reads a register.</summary>
    /// <param name="offset">Bytes from the start of the range.</param>
    /// <param name="size">1, 2, 4 or 8; the access lies wholly inside the range.</param>
    /// <returns>The value, in the low <paramref name="size"/> bytes.</returns>
    ulong Read(ulong offset, int size);

    /// <summary>Writes a register.</summary>
    /// <param name="offset">Bytes from the start of the range.</param>
    /// <param name="size">1, 2, 4 or 8; the access lies wholly inside the range.</param>
    /// <param name="value">The value, in the low <paramref name="size"/> bytes.</param>
    void Write(ulong offset, int size, ulong value);
}
