using System.Buffers.Binary;
using Nacelle.Devices.Interrupts;

namespace Nacelle.Devices.Pci;

/// <summary>The vectors of a function: table, pending bits and masks (PCI 3.0, 6.8.2).</summary>
/// <remarks>Thread safe: guards its state with its own lock, under which nothing else is called.</remarks>
public sealed class MsixTable
{
    private const int EntrySize = 16;
    private readonly Lock _sync = new();
    private readonly IMessageInterruptTarget _target;
    private readonly byte[] _entries;
    private readonly bool[] _pending;
    private bool _enabled;
    private bool _functionMasked;
    private bool _mayMaster = true;

    /// <summary>Makes a table with all vectors masked.</summary>
    /// <param name="vectors">1 to 2048.</param>
    /// <param name="target">Where messages go.</param>
    public MsixTable(int vectors, IMessageInterruptTarget target)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vectors, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(vectors, 2048);
        Vectors = vectors;
        _target = target;
        _entries = new byte[vectors * EntrySize];
        _pending = new bool[vectors];
        Reset();
    }

    /// <summary>How many vectors there are.</summary>
    public int Vectors { get; }

    /// <summary>Whether the driver uses MSI-X rather than the interrupt pin.</summary>
    public bool IsEnabled => Volatile.Read(ref _enabled);

    /// <summary>Sends a vector's message, or remembers it while masked.</summary>
    /// <returns>False where MSI-X is off or the vector does not exist.</returns>
    public bool Trigger(int vector)
    {
        ulong address;
        uint data;
        lock (_sync)
        {
            if (!_enabled || (uint)vector >= (uint)Vectors)
            {
                return false;
            }

            if (IsMasked(vector))
            {
                _pending[vector] = true;
                return true;
            }

            (address, data) = Message(vector);
        }

        _target.Send(address, data);
        return true;
    }

    /// <summary>Whether messages may be sent, which are writes to memory; meanwhile they are remembered as if masked.</summary>
    public void SetMaster(bool mayMaster)
    {
        lock (_sync)
        {
            _mayMaster = mayMaster;
        }

        SendPending();
    }

    /// <summary>Takes the message control bits that the driver wrote.</summary>
    public void SetControl(bool enabled, bool functionMasked)
    {
        lock (_sync)
        {
            _enabled = enabled;
            _functionMasked = functionMasked;
        }

        SendPending();
    }

    /// <summary>Reads the table.</summary>
    public ulong ReadTable(ulong offset, int size)
    {
        lock (_sync)
        {
            return !IsInside(offset, size) ? 0 : size switch
            {
                4 when offset % 4 == 0 => BinaryPrimitives.ReadUInt32LittleEndian(_entries.AsSpan((int)offset)),
                8 when offset % 8 == 0 => BinaryPrimitives.ReadUInt64LittleEndian(_entries.AsSpan((int)offset)),
                _ => 0,
            };
        }
    }

    /// <summary>Writes the table; unmasking sends what is pending. Only aligned 4 and 8 byte accesses are defined.</summary>
    public void WriteTable(ulong offset, int size, ulong value)
    {
        lock (_sync)
        {
            if (!IsInside(offset, size) || size < 4 || offset % (ulong)size != 0)
            {
                return;
            }

            Span<byte> place = _entries.AsSpan((int)offset);
            if (size == 4)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(place, (uint)value);
            }
            else
            {
                BinaryPrimitives.WriteUInt64LittleEndian(place, value);
            }
        }

        SendPending();
    }

    /// <summary>Reads the pending bits.</summary>
    public ulong ReadPending(ulong offset, int size)
    {
        ulong value = 0;
        lock (_sync)
        {
            for (int bit = 0; bit < size * 8; bit++)
            {
                ulong vector = (offset * 8) + (ulong)bit;
                if (offset < (ulong)Vectors && vector < (ulong)Vectors && _pending[vector])
                {
                    value |= 1UL << bit;
                }
            }
        }

        return value;
    }

    /// <summary>Masks all vectors and turns MSI-X off.</summary>
    public void Reset()
    {
        lock (_sync)
        {
            _enabled = false;
            _functionMasked = false;
            Array.Clear(_entries);
            Array.Clear(_pending);
            for (int vector = 0; vector < Vectors; vector++)
            {
                _entries[(vector * EntrySize) + 12] = 1;
            }
        }
    }

    private bool IsInside(ulong offset, int size) => offset < (ulong)_entries.Length && (ulong)size <= (ulong)_entries.Length - offset;

    private bool IsMasked(int vector) => _functionMasked || !_mayMaster || (_entries[(vector * EntrySize) + 12] & 1) != 0;

    private (ulong Address, uint Data) Message(int vector)
    {
        ReadOnlySpan<byte> entry = _entries.AsSpan(vector * EntrySize);
        return (BinaryPrimitives.ReadUInt64LittleEndian(entry), BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]));
    }

    private void SendPending()
    {
        for (int vector = 0; vector < Vectors; vector++)
        {
            ulong address;
            uint data;
            lock (_sync)
            {
                if (!_pending[vector] || !_enabled || IsMasked(vector))
                {
                    continue;
                }

                _pending[vector] = false;
                (address, data) = Message(vector);
            }

            _target.Send(address, data);
        }
    }
}
