using Iced.Intel;
using Nacelle.Translation.Runtime;

namespace Nacelle.Translation.State;

/// <summary>
/// Vector and mask registers of a guest while they are in memory, in the standard format of XSAVE (SDM volume 1, 13.4). For the
/// vCPU's own thread, outside translated code.
/// </summary>
internal sealed unsafe class VectorImage(TranslatorContext* context)
{
    /// <summary>Bytes of the widest register.</summary>
    public const int RegisterSize = 64;

    private const int Header = 512;
    private const int LegacyVectors = 160;
    private const int Avx = 2;
    private const int Masks = 5;
    private const int UpperHalves = 6;
    private const int UpperRegisters = 7;

    private byte* Area => ContextOffsets.ExtendedState(context);

    /// <summary>Reads a vector register; what lies beyond its width is read too.</summary>
    public void Read(Register register, Span<byte> value)
    {
        value.Clear();
        int number = register.GetNumber();
        if (number >= 16)
        {
            Part(UpperRegisters, (number - 16) * 64, 64, write: false).CopyTo(value);
            return;
        }

        Part(1, number * 16, 16, write: false).CopyTo(value);
        Part(Avx, number * 16, 16, write: false).CopyTo(value[16..]);
        Part(UpperHalves, number * 32, 32, write: false).CopyTo(value[32..]);
    }

    /// <summary>Writes the whole of a vector register.</summary>
    public void Write(Register register, ReadOnlySpan<byte> value)
    {
        int number = register.GetNumber();
        if (number >= 16)
        {
            value.CopyTo(Part(UpperRegisters, (number - 16) * 64, 64, write: true));
            return;
        }

        value[..16].CopyTo(Part(1, number * 16, 16, write: true));
        value[16..32].CopyTo(Part(Avx, number * 16, 16, write: true));
        if (ExtendedStateArea.OffsetOf(UpperHalves) != 0)
        {
            value[32..].CopyTo(Part(UpperHalves, number * 32, 32, write: true));
        }
    }

    /// <summary>Reads a mask register.</summary>
    public ulong ReadMask(Register register)
    {
        Span<byte> part = Part(Masks, register.GetNumber() * 8, 8, write: false);
        return part.IsEmpty ? 0 : BitConverter.ToUInt64(part);
    }

    /// <summary>Writes a mask register.</summary>
    public void WriteMask(Register register, ulong value) =>
        BitConverter.TryWriteBytes(Part(Masks, register.GetNumber() * 8, 8, write: true), value);

    /// <summary>An MMX register: the x87 register with its number, which the image keeps by distance from the top of the stack.</summary>
    public ulong ReadMmx(Register register)
    {
        if ((*(ulong*)(Area + Header) & 1) == 0)
        {
            return 0;
        }

        int top = (Area[3] >> 3) & 7;
        return *(ulong*)(Area + 32 + (((register.GetNumber() - top) & 7) * 16));
    }

    /// <summary>What every MMX instruction does to the x87: the top of the stack becomes 0, no register is empty (SDM volume 1, 9.5.1).</summary>
    public void EnterMmx()
    {
        if ((*(ulong*)(Area + Header) & 1) == 0)
        {
            new Span<byte>(Area, 24).Clear();
            new Span<byte>(Area + 32, 128).Clear();
            *(ushort*)Area = 0x37F;
            *(ulong*)(Area + Header) |= 1;
        }

        int top = (Area[3] >> 3) & 7;
        Span<byte> registers = new(Area + 32, 128);
        Span<byte> turned = stackalloc byte[128];
        for (int i = 0; i < 8; i++)
        {
            registers.Slice(((i - top) & 7) * 16, 16).CopyTo(turned[(i * 16)..]);
        }

        turned.CopyTo(registers);
        Area[3] &= 0xC7;
        Area[4] = 0xFF;
    }

    /// <summary>Part of a component; empty when that is read in its initial state, which is all zeros.</summary>
    private Span<byte> Part(int component, int offset, int length, bool write)
    {
        ref ulong present = ref *(ulong*)(Area + Header);
        int start = component == 1 ? LegacyVectors : ExtendedStateArea.OffsetOf(component);
        if ((present & (1UL << component)) == 0)
        {
            if (!write)
            {
                return default;
            }

            int size = component == 1 ? 256 : ExtendedStateArea.BytesOf(component);
            new Span<byte>(Area + start, size).Clear();
            present |= 1UL << component;
        }

        return new Span<byte>(Area + start + offset, length);
    }
}
