using System.Buffers.Binary;
using Nacelle.Memory;

namespace Nacelle.Devices.Platform;

/// <summary>
/// The firmware configuration device (fw_cfg) at its x86 ports: firmware and test kernels select an item by number and read
/// it byte by byte (QEMU documentation, "fw_cfg device").
/// </summary>
/// <remarks>
/// Guarded by a lock of its own. Without the DMA interface and without writes, as the item with the revision says.
/// </remarks>
public sealed class FirmwareConfiguration : IAddressRangeHandler
{
    /// <summary>First port: the selector, 16 bits; the port after it gives the data.</summary>
    public const ushort Port = 0x510;

    /// <summary>Number of ports.</summary>
    public const ushort Length = 2;

    private const ushort Signature = 0;
    private const ushort Revision = 1;
    private const ushort MemorySize = 3;
    private const ushort ProcessorCount = 5;
    private const ushort MostProcessors = 15;
    private readonly Lock _state = new();
    private readonly Dictionary<ushort, byte[]> _items;
    private byte[] _selected;
    private int _position;

    /// <summary>Makes the items that describe a machine.</summary>
    /// <param name="memoryBytes">Guest RAM.</param>
    /// <param name="virtualCpus">Number of vCPUs, none of which can be added later.</param>
    public FirmwareConfiguration(ulong memoryBytes, int virtualCpus)
    {
        byte[] memory = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(memory, memoryBytes);
        byte[] count = new byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(count, (ushort)virtualCpus);
        _items = new()
        {
            [Signature] = [.. "QEMU"u8],

            // Bit 0: the traditional interface; bit 1 would be the one with DMA.
            [Revision] = [1, 0, 0, 0],
            [MemorySize] = memory,
            [ProcessorCount] = count,
            [MostProcessors] = count,
        };
        _selected = _items[Signature];
    }

    /// <summary>Back to the state after power-on.</summary>
    public void Reset()
    {
        lock (_state)
        {
            _selected = _items[Signature];
            _position = 0;
        }
    }

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size)
    {
        if (offset != 1)
        {
            return 0;
        }

        lock (_state)
        {
            return _position < _selected.Length ? _selected[_position++] : 0UL;
        }
    }

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        if (offset != 0 || size != sizeof(ushort))
        {
            return;
        }

        lock (_state)
        {
            _selected = _items.GetValueOrDefault((ushort)value, []);
            _position = 0;
        }
    }
}
