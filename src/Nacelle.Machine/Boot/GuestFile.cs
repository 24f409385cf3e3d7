namespace Nacelle.Machine.Boot;

/// <summary>Reads the files that a guest is loaded from, which nobody vouches for: they may have no end, or more than there is room for. Stateless.</summary>
internal static class GuestFile
{
    /// <summary>Bytes that tell a kernel from anything else.</summary>
    internal const int HeadLength = 1 << 16;

    private const int FirstRoom = 1 << 20;

    /// <summary>Reads a whole file.</summary>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="path">The file, device or FIFO.</param>
    /// <param name="limit">The most bytes that the guest has room for.</param>
    /// <param name="check">Sees the first <see cref="HeadLength"/> bytes, or all of a shorter file, and throws for what is no use.</param>
    /// <exception cref="MachineException">It cannot be read, is empty or too long.</exception>
    internal static byte[] Read(string what, string path, ulong limit, Action<ReadOnlySpan<byte>>? check = null)
    {
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            int room = (int)Math.Min(limit, (ulong)Array.MaxLength - 1);
            long length = stream.CanSeek ? stream.Length : 0;
            if (length > room)
            {
                throw GuestImageError.TooLarge(what, path, (ulong)length, limit);
            }

            return ReadAll(stream, what, path, (int)length, room, check);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            string reason = error switch
            {
                FileNotFoundException or DirectoryNotFoundException => "no such file",
                UnauthorizedAccessException => Directory.Exists(path) ? "it is a directory" : "permission denied",
                _ => error.Message,
            };
            throw new MachineException(MachineErrorKind.HostResource, $"could not open {what} '{path}': {reason}", error);
        }
        catch (OutOfMemoryException error)
        {
            throw new MachineException(
                MachineErrorKind.HostResource, $"no memory of the host is left to read {what} '{path}': raise 'ulimit -v', or free memory", error);
        }
    }

    private static byte[] ReadAll(
        FileStream stream, string what, string path, int expected, int room, Action<ReadOnlySpan<byte>>? check)
    {
        // One more than is expected, so that the end is seen without another buffer.
        byte[] bytes = new byte[Math.Min(Math.Max(expected, FirstRoom), room) + 1];
        int count = 0;
        bool isChecked = false;
        while (true)
        {
            int read = stream.Read(bytes, count, bytes.Length - count);
            count += read;
            if (!isChecked && (read == 0 || count >= HeadLength))
            {
                isChecked = true;
                if (count == 0)
                {
                    throw new MachineException(MachineErrorKind.GuestImage, $"{what} '{path}' is empty");
                }

                check?.Invoke(bytes.AsSpan(0, Math.Min(count, HeadLength)));
            }

            if (read == 0)
            {
                Array.Resize(ref bytes, count);
                return bytes;
            }

            if (count > room)
            {
                throw GuestImageError.TooLarge(what, path, (ulong)count, (ulong)room);
            }

            if (count == bytes.Length)
            {
                Array.Resize(ref bytes, (int)Math.Min((long)count * 2, (long)room + 1));
            }
        }
    }
}
