using System.Runtime.Intrinsics.X86;

namespace Nacelle.Translation.Runtime;

/// <summary>What the translator needs of the processor it runs on.</summary>
internal static class HostProcessor
{
    /// <summary>x87, SSE, AVX and AVX-512 state: the components that guests are offered.</summary>
    private const ulong Offered = 0xE7;

    /// <summary>XCR0 of the host, cut to what is saved and restored.</summary>
    public static ulong ExtendedStateMask { get; } = ReadMask();

    /// <summary>What is missing for the translator, in words, or null.</summary>
    public static string? Missing =>
        !Bmi2.X64.IsSupported ? "BMI2 (PEXT, RORX)"
        : !Avx2.IsSupported ? "AVX2"
        : !HasFsGsBase() ? "FSGSBASE, enabled by the kernel (Linux 5.9 or later)"
        : null;

    private static bool HasFsGsBase() => (X86Base.CpuId(7, 0).Ebx & 1) != 0;

    // CPUID.0DH.0:EDX:EAX lists what XCR0 may hold; AVX-512 counts where .NET finds the host kernel has enabled it.
    private static ulong ReadMask()
    {
        ulong possible = (uint)X86Base.CpuId(0xD, 0).Eax;
        ulong mask = possible & Offered;
        return Avx512F.IsSupported ? mask : mask & 7;
    }
}
