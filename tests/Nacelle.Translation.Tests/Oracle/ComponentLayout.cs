using System.Runtime.Intrinsics.X86;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Where the components of XSAVE's standard format lie on this host (CPUID leaf 0DH).</summary>
internal static class ComponentLayout
{
    private static readonly (int Offset, int Size)[] s_components = Read();

    /// <summary>Offset and bytes of a component from 2 to 7; zero bytes where there is none.</summary>
    public static (int Offset, int Size) Of(int component) => s_components[component];

    private static (int Offset, int Size)[] Read()
    {
        (int, int)[] components = new (int, int)[8];
        for (int i = 2; i < 8; i++)
        {
            (int size, int offset, _, _) = X86Base.CpuId(0xD, i);
            components[i] = (offset, size);
        }

        return components;
    }
}
