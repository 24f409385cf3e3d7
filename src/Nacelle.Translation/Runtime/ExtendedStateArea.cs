using System.Runtime.Intrinsics.X86;
using Iced.Intel;

namespace Nacelle.Translation.Runtime;

/// <summary>Sizes of the areas that XSAVE and its like read and write (SDM volume 1, 13.4).</summary>
internal static class ExtendedStateArea
{
    private const int LegacyAndHeader = 576;
    private static readonly (int Offset, int Size, bool Aligned)[] s_components = ReadComponents();

    /// <summary>Bytes that an instruction touches.</summary>
    /// <param name="instruction">XSAVE, XSAVEC, XSAVEOPT or XRSTOR in either width.</param>
    /// <param name="requested">The requested features: EDX:EAX and XCR0.</param>
    public static int SizeOf(in Instruction instruction, ulong requested) => EndOf(s_components.Length, instruction, requested);

    /// <summary>Where a component from 2 on lies in what an instruction writes.</summary>
    /// <inheritdoc cref="SizeOf"/>
    public static int OffsetOf(int component, in Instruction instruction, ulong requested)
    {
        if (!IsCompact(instruction))
        {
            return OffsetOf(component);
        }

        int end = EndOf(component, instruction, requested);
        return s_components[component].Aligned ? (end + 63) & ~63 : end;
    }

    private static bool IsCompact(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Xsavec or Mnemonic.Xsavec64;

    /// <summary>Bytes up to the end of the components before one.</summary>
    private static int EndOf(int component, in Instruction instruction, ulong requested)
    {
        bool compact = IsCompact(instruction);
        int size = LegacyAndHeader;
        for (int i = 2; i < component; i++)
        {
            if ((requested & (1UL << i)) == 0)
            {
                continue;
            }

            (int offset, int length, bool aligned) = s_components[i];
            size = compact
                ? (aligned ? (size + 63) & ~63 : size) + length
                : Math.Max(size, offset + length);
        }

        return size;
    }

    /// <summary>Where a component from 2 on lies in the standard format; zero where the host has none.</summary>
    public static int OffsetOf(int component) => s_components[component].Offset;

    /// <summary>Bytes of a component from 2 on.</summary>
    public static int BytesOf(int component) => s_components[component].Size;

    private static (int Offset, int Size, bool Aligned)[] ReadComponents()
    {
        (int, int, bool)[] components = new (int, int, bool)[64];
        for (int i = 2; i < 63; i++)
        {
            (int eax, int ebx, int ecx, _) = X86Base.CpuId(0xD, i);
            components[i] = (ebx, eax, (ecx & 2) != 0);
        }

        return components;
    }
}
