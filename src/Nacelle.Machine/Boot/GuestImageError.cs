namespace Nacelle.Machine.Boot;

/// <summary>Makes the errors of kernels and initial RAM disks.</summary>
internal static class GuestImageError
{
    internal static MachineException Of(string path, string problem) =>
        new(MachineErrorKind.GuestImage, $"kernel '{path}': {problem}");

    internal static MachineException TooLarge(string what, string path, ulong size, ulong available) => new(
        MachineErrorKind.GuestImage,
        $"{what} '{path}' needs {Mebibytes(size)} MiB of guest memory and {Mebibytes(available)} MiB are left: "
        + "give the machine more memory");

    private static ulong Mebibytes(ulong bytes) => (bytes + (1 << 20) - 1) >> 20;
}
