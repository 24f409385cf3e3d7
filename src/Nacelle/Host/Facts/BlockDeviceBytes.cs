using Nacelle.Configuration;
using Nacelle.Linux;

namespace Nacelle;

/// <summary>An open block device, or a file in its place, to look for signatures. For one thread.</summary>
internal sealed class BlockDeviceBytes : IBlockBytes, IDisposable
{
    private readonly HostFile _file;

    private BlockDeviceBytes(HostFile file, ulong length, int logicalSectorBytes)
    {
        _file = file;
        Length = length;
        LogicalSectorBytes = logicalSectorBytes;
    }

    /// <inheritdoc/>
    public ulong Length { get; }

    /// <inheritdoc/>
    public int LogicalSectorBytes { get; }

    /// <summary>Opens a device for reading.</summary>
    /// <exception cref="LinuxException">It does not open.</exception>
    internal static BlockDeviceBytes Open(string path, int logicalSectorBytes)
    {
        HostFile file = HostFile.Open(path, writable: false, direct: false);
        try
        {
            return new BlockDeviceBytes(file, (ulong)Math.Max(file.Query().Size, 0), logicalSectorBytes);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public unsafe bool TryRead(ulong offset, Span<byte> buffer)
    {
        if (offset > Length || (ulong)buffer.Length > Length - offset)
        {
            return false;
        }

        fixed (byte* start = buffer)
        {
            for (int done = 0; done < buffer.Length;)
            {
                IoVector vector = new((nint)(start + done), (nuint)(buffer.Length - done));
                int count = HostFile.ReadVector(_file.FileDescriptor, &vector, 1, (long)offset + done);
                const int interrupted = -4;
                if (count == interrupted)
                {
                    continue;
                }

                if (count <= 0)
                {
                    return false;
                }

                done += count;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
