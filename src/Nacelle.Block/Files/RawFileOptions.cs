namespace Nacelle.Block;

/// <summary>How the host's page cache is used and when a write is durable.</summary>
public enum BlockCacheMode
{
    /// <summary>Host page cache; flushes are honoured.</summary>
    Writeback,

    /// <summary>O_DIRECT; flushes are honoured.</summary>
    None,

    /// <summary>Host page cache for reads; each write is durable before it completes.</summary>
    Writethrough,

    /// <summary>O_DIRECT; each write is durable before it completes.</summary>
    DirectSync,

    /// <summary>Host page cache; flushes are not passed on.</summary>
    Unsafe,
}

/// <summary>How a raw file or block device is opened.</summary>
public sealed record RawFileOptions
{
    /// <summary>The file or block device.</summary>
    public required string Path { get; init; }

    /// <summary>Refuse writes, and share the file with other readers.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Use of the host's page cache.</summary>
    public BlockCacheMode Cache { get; init; } = BlockCacheMode.Writeback;

    /// <summary>
    /// Whether somebody said that the file is raw. Otherwise one that holds a disk in another form is refused (<see cref="ImageFormat"/>).
    /// </summary>
    public bool SaidToBeRaw { get; init; }

    /// <summary>Whether discards free space on the host.</summary>
    public bool Discard { get; init; } = true;
}

/// <summary>A disk cannot be opened; the message says which, why, and what to change, in one line.</summary>
/// <param name="message">For people.</param>
/// <param name="inner">What the host said, if it did.</param>
public sealed class BlockOpenException(string message, Exception? inner = null) : IOException(message, inner);
