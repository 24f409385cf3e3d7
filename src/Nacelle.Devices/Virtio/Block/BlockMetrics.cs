namespace Nacelle.Devices.Virtio.Block;

/// <summary>What a disk has done since it was made.</summary>
/// <remarks>Written by the disk's loop alone; any thread may read, each counter on its own.</remarks>
public sealed class BlockMetrics
{
    private long _reads;
    private long _writes;
    private long _flushes;
    private long _bytesRead;
    private long _bytesWritten;
    private long _failures;

    /// <summary>Reads that succeeded.</summary>
    public long Reads => Volatile.Read(ref _reads);

    /// <summary>Writes that succeeded.</summary>
    public long Writes => Volatile.Read(ref _writes);

    /// <summary>Flushes that succeeded.</summary>
    public long Flushes => Volatile.Read(ref _flushes);

    /// <summary>Bytes of <see cref="Reads"/>.</summary>
    public long BytesRead => Volatile.Read(ref _bytesRead);

    /// <summary>Bytes of <see cref="Writes"/>.</summary>
    public long BytesWritten => Volatile.Read(ref _bytesWritten);

    /// <summary>Requests of any kind that ended with an error.</summary>
    public long Failures => Volatile.Read(ref _failures);

    internal void Count(BlockRequestType type, BlockStatus status, ulong bytes)
    {
        if (status != BlockStatus.Ok)
        {
            Add(ref _failures, 1);
            return;
        }

        switch (type)
        {
            case BlockRequestType.Read:
                Add(ref _reads, 1);
                Add(ref _bytesRead, (long)bytes);
                break;
            case BlockRequestType.Write:
                Add(ref _writes, 1);
                Add(ref _bytesWritten, (long)bytes);
                break;
            case BlockRequestType.Flush:
                Add(ref _flushes, 1);
                break;
            default:
                break;
        }
    }

    private static void Add(ref long counter, long amount) => Volatile.Write(ref counter, counter + amount);
}
