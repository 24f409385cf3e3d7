using System.Globalization;
using Nacelle.Linux;

namespace Nacelle.Block;

/// <summary>The descriptors and facts a <see cref="RawFileNode"/> begins with.</summary>
/// <param name="Buffered">Goes through the host's page cache; holds the lock.</param>
/// <param name="Direct">Opened with O_DIRECT, or null for cache modes without it.</param>
/// <param name="Size">Bytes in the file.</param>
/// <param name="MemoryAlignment">Of buffers for the direct descriptor, a power of two.</param>
/// <param name="OffsetAlignment">Of offsets and lengths for the direct descriptor, a power of two.</param>
internal sealed record RawFileHandles(HostFile Buffered, HostFile? Direct, long Size, int MemoryAlignment, int OffsetAlignment);

/// <summary>Opens, checks and locks a raw file; a refusal leaves nothing open.</summary>
internal static class RawFileOpener
{
    private const int NotPermitted = 1;
    private const int NotFound = 2;
    private const int AccessDenied = 13;
    private const int Busy = 16;
    private const int IsDirectory = 21;
    private const int InvalidArgument = 22;
    private const int ReadOnlyFileSystem = 30;
    private const int FallbackAlignment = 4096;
    private const int Sector = 512;

    public static RawFileHandles Open(RawFileOptions options)
    {
        HostFile file = OpenBuffered(options);
        HostFile? direct = null;
        try
        {
            HostFileStatus status = file.Query();

            // Before the size, which in many formats is no disk's: the format is the better reason.
            Recognise(options, file, status);
            Check(options, status);
            Lock(options, file, status);
            if (options.Cache is BlockCacheMode.None or BlockCacheMode.DirectSync)
            {
                direct = OpenDirect(options, file);
            }

            int memory = status.DirectMemoryAlignment > 0 ? status.DirectMemoryAlignment : FallbackAlignment;
            int offset = status.DirectOffsetAlignment > 0 ? status.DirectOffsetAlignment : FallbackAlignment;
            return new RawFileHandles(file, direct, status.Size, memory, offset);
        }
        catch
        {
            direct?.Dispose();
            file.Dispose();
            throw;
        }
    }

    private static HostFile OpenBuffered(RawFileOptions options)
    {
        string path = options.Path;
        try
        {
            return HostFile.Open(path, !options.ReadOnly, direct: false, claimDevice: !options.ReadOnly);
        }
        catch (LinuxException error)
        {
            string reason = error.ErrorNumber switch
            {
                NotFound => "there is no such file; create it with 'truncate -s 10G FILE' or correct the path",
                AccessDenied or NotPermitted when options.ReadOnly => "this user may not read it; change its permissions",
                AccessDenied or NotPermitted =>
                    "this user may not write it; change its permissions or add readonly=on",
                IsDirectory => "it is a directory; name a file or block device",
                Busy => "the device is mounted or used by another program; unmount or stop that first, or add readonly=on",
                ReadOnlyFileSystem => "its file system is mounted read-only; add readonly=on",
                _ => error.Message,
            };
            throw new BlockOpenException($"cannot open disk '{path}': {reason}", error);
        }
    }

    private static HostFile OpenDirect(RawFileOptions options, HostFile file)
    {
        try
        {
            return file.Reopen(!options.ReadOnly, direct: true);
        }
        catch (LinuxException error) when (error.ErrorNumber == InvalidArgument)
        {
            throw new BlockOpenException(
                $"cannot open disk '{options.Path}': its file system has no direct I/O; use cache=writeback", error);
        }
    }

    private static void Check(RawFileOptions options, HostFileStatus status)
    {
        string? reason = status switch
        {
            { Kind: HostFileKind.Directory } => "it is a directory; name a file or block device",
            { Kind: HostFileKind.Other } => "it is neither a file nor a block device; name one of these",
            { Size: 0 } => "it is empty; give it a size with 'truncate -s 10G FILE'",
            _ when status.Size % Sector != 0 && !options.ReadOnly => string.Create(
                CultureInfo.InvariantCulture,
                $"its size of {status.Size} bytes is no multiple of {Sector}; round it up with 'truncate -s %{Sector} FILE' or add readonly=on"),
            _ => null,
        };
        if (reason is not null)
        {
            throw new BlockOpenException($"cannot open disk '{options.Path}': {reason}");
        }
    }

    private static void Recognise(RawFileOptions options, HostFile file, HostFileStatus status)
    {
        string? format;
        try
        {
            format = options.SaidToBeRaw || status.Kind is not (HostFileKind.Regular or HostFileKind.BlockDevice)
                ? null
                : ImageFormat.Recognise(file, status.Size);
        }
        catch (LinuxException error)
        {
            throw new BlockOpenException($"cannot read disk '{options.Path}': {error.Message}; mend or replace it", error);
        }

        if (format is not null)
        {
            throw new BlockOpenException(
                $"disk '{options.Path}' is a {format} file and not raw: {ImageFormat.Remedy(format, options.Path)}");
        }
    }

    private static void Lock(RawFileOptions options, HostFile file, HostFileStatus status)
    {
        bool locked;
        try
        {
            locked = file.TryLock(exclusive: !options.ReadOnly);
        }
        catch (LinuxException error)
        {
            throw new BlockOpenException($"cannot lock disk '{options.Path}': {error.Message}; use a file system with locks", error);
        }

        if (!locked)
        {
            string holder = FileLockHolder.Describe(status.Inode);
            string remedy = options.ReadOnly ? "stop it first" : "stop it first, or open the disk readonly=on in both";
            throw new BlockOpenException($"cannot open disk '{options.Path}': {holder} has it locked; {remedy}");
        }
    }
}
