using System.Runtime.Intrinsics.X86;

namespace Nacelle.Translation.Runtime;

/// <summary>
/// What the translator needs of the processor it runs on, by CPUID: the answers of .NET's intrinsics are those of the code
/// generator, which a native executable fixes when it is compiled.
/// </summary>
internal static class HostProcessor
{
    /// <summary>x87, SSE, AVX and AVX-512 state: the components that guests are offered.</summary>
    private const ulong Offered = 0xE7;

    /// <summary>XCR0 of the host, cut to what is saved and restored.</summary>
    public static ulong ExtendedStateMask { get; } = ReadMask();

    /// <summary>What is missing for the translator, in words, or null.</summary>
    public static string? Missing
    {
        get
        {
            const int fsGsBase = 1 << 0;
            const int avx2 = 1 << 5;
            const int bmi2 = 1 << 8;
            int features = X86Base.CpuId(7, 0).Ebx;
            return (features & bmi2) == 0 ? "BMI2 (PEXT, RORX)"
                : (features & avx2) == 0 || (ExtendedStateMask & 4) == 0 ? "AVX2"
                : (features & fsGsBase) == 0 ? "FSGSBASE, enabled by the kernel (Linux 5.9 or later)"
                : null;
        }
    }

    // CPUID.0DH.0:EDX:EAX lists what XCR0 may hold and EBX how far the components reach that it holds now (SDM volume 1, 13.2).
    private static ulong ReadMask()
    {
        (int possible, int enabledSize, _, _) = X86Base.CpuId(0xD, 0);
        ulong mask = 3;
        for (int component = 2; component < 8; component++)
        {
            (int size, int offset, _, _) = X86Base.CpuId(0xD, component);
            if ((possible & (1 << component)) != 0 && size != 0 && offset + size <= enabledSize)
            {
                mask |= 1UL << component;
            }
        }

        mask &= Offered;
        const ulong avx512 = 0xE0;
        return (mask & avx512) == avx512 ? mask : mask & ~avx512;
    }
}
