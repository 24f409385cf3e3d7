using Nacelle.Memory;

namespace Nacelle.Devices.Platform;

/// <summary>The reset control register at port 0xCF9 (ICH9 data sheet, 13.7.5); bits 1 and 2 together reset the machine.</summary>
/// <param name="reset">Called on a vCPU thread.</param>
/// <remarks>One byte of state, read and written atomically.</remarks>
public sealed class ResetControl(Action reset) : IAddressRangeHandler
{
    /// <summary>The port.</summary>
    public const ushort Port = 0xCF9;

    /// <summary>What to write for a hard reset; ACPI's FADT names it.</summary>
    public const byte HardReset = 6;

    private byte _value;

    /// <summary>Back to the state after power-on.</summary>
    public void Reset() => _value = 0;

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size) => _value;

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value) => Write((byte)value);

    /// <summary>Writes the register; for the PCI host bridge, in whose ports it lies. On a vCPU thread.</summary>
    public void Write(byte value)
    {
        _value = (byte)(value & 0xA);
        if ((value & 4) != 0)
        {
            reset();
        }
    }
}

/// <summary>System control port A at 0x92: fast reset at bit 0, the A20 gate at bit 1 (always open: RAM has no hole).</summary>
/// <param name="reset">Called on a vCPU thread.</param>
/// <remarks>One byte of state, read and written atomically.</remarks>
public sealed class SystemControlPort(Action reset) : IAddressRangeHandler
{
    /// <summary>The port.</summary>
    public const ushort Port = 0x92;

    private byte _value;

    /// <summary>Back to the state after power-on.</summary>
    public void Reset() => _value = 0;

    /// <inheritdoc/>
    ulong IAddressRangeHandler.Read(ulong offset, int size) => (uint)(_value | 2);

    /// <inheritdoc/>
    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        bool rises = (value & ~(ulong)_value & 1) != 0;
        _value = (byte)value;
        if (rises)
        {
            reset();
        }
    }
}
