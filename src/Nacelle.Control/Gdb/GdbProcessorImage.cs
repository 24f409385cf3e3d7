using Nacelle.Cpu;

namespace Nacelle.Control.Gdb;

/// <summary>A stopped vCPU's registers as gdb reads and changes them. Not thread safe.</summary>
/// <param name="registers">Everything but x87 and vectors.</param>
/// <param name="extended">XSAVE image in the standard format.</param>
internal sealed class GdbProcessorImage(CpuRegisters registers, byte[] extended)
{
    /// <summary>Where the header's XSTATE_BV lies (SDM volume 1, 13.4.2).</summary>
    private const int StateBits = 512;

    /// <summary>Where the upper halves of YMM registers lie on every processor.</summary>
    public const int UpperHalves = 576;

    /// <summary>Everything but x87 and vectors.</summary>
    public CpuRegisters Registers = registers;

    /// <summary>The XSAVE image, with components that are in their initial state spelled out.</summary>
    public byte[] Extended { get; } = SpellOut(extended);

    /// <summary>Whether <see cref="Registers"/> was changed.</summary>
    public bool IsChanged { get; set; }

    /// <summary>Whether <see cref="Extended"/> was changed.</summary>
    public bool IsExtendedChanged { get; private set; }

    /// <summary>Changes a part of the XSAVE image.</summary>
    /// <param name="component">The state component that it belongs to.</param>
    /// <param name="offset">Where.</param>
    /// <param name="bytes">What.</param>
    public void WriteExtended(int component, int offset, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Extended.AsSpan(offset));
        Extended[StateBits] |= (byte)(1 << component);
        IsExtendedChanged = true;
    }

    /// <summary>A component whose bit is clear is in its initial state, whatever its bytes are.</summary>
    private static byte[] SpellOut(byte[] image)
    {
        byte bits = image[StateBits];
        if ((bits & 1) == 0)
        {
            Span<byte> legacy = image.AsSpan(0, 24);
            legacy.Clear();
            legacy[0] = 0x7F;
            legacy[1] = 0x03;
            image.AsSpan(32, 128).Clear();
        }

        if ((bits & 2) == 0)
        {
            image.AsSpan(160, 256).Clear();
        }

        if ((bits & 4) == 0 && image.Length >= UpperHalves + 256)
        {
            image.AsSpan(UpperHalves, 256).Clear();
        }

        return image;
    }
}
