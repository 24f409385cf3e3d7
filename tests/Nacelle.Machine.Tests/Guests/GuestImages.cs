namespace Nacelle.Machine.Tests.Guests;

/// <summary>The kernels and the initramfs that guests.sh leaves in artifacts/guests.</summary>
internal static class GuestImages
{
    private static readonly string? s_folder = Find();

    /// <summary>Null, or why there are none.</summary>
    public static string? Missing => s_folder is null ? "artifacts/guests has no guest images: run ./guests.sh" : null;

    public static string Kernel => Path.Combine(s_folder!, "vmlinuz-cloud");

    public static string Initramfs => Path.Combine(s_folder!, "initramfs.cpio.gz");

    private static string? Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "nacelle.slnx")))
            {
                string guests = Path.Combine(folder.FullName, "artifacts", "guests");
                return File.Exists(Path.Combine(guests, "vmlinuz-cloud")) && File.Exists(Path.Combine(guests, "initramfs.cpio.gz"))
                    ? guests
                    : null;
            }
        }

        return null;
    }
}
