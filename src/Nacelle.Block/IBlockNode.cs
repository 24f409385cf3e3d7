namespace Nacelle.Block;

/// <summary>A disk's worth of bytes that can be read and written: a file, or a filter or format over another node.</summary>
/// <remarks>
/// Owned by one event loop: every member is used on that loop's thread, and completions are called there. A completion
/// may be called from within <see cref="Start"/>.
/// </remarks>
public interface IBlockNode : IDisposable
{
    /// <summary>Size in bytes, a multiple of 512.</summary>
    long Length { get; }

    /// <summary>Whether writes, discards and zeroing are refused.</summary>
    bool IsReadOnly { get; }

    /// <summary>Whether discards free space; where false they are refused.</summary>
    bool CanDiscard { get; }

    /// <summary>Alignment in bytes at which requests are fastest: a power of two, at least 512.</summary>
    int PreferredAlignment { get; }

    /// <summary>
    /// Whether a completed write may be lost to a host crash until the next flush. Setting false makes each write durable
    /// before it completes; setting true has no effect on a node whose cache mode forbids it.
    /// </summary>
    bool WriteCache { get; set; }

    /// <summary>
    /// The errno(3) value of a flush that failed: writes that had completed before may be lost, and every later flush fails alike until the
    /// node is opened anew. 0 while all is well.
    /// </summary>
    int LostWriteError => 0;

    /// <summary>Takes a request; the host may see it only at the next <see cref="Submit"/>.</summary>
    /// <param name="request">Not touched by the caller until its completion.</param>
    void Start(BlockRequest request);

    /// <summary>Hands the requests started since the last call to the host together.</summary>
    void Submit();

    /// <summary>
    /// Waits for every request started, whose completions run meanwhile; one held back by an error policy completes with
    /// its error. Afterwards the host touches no request's memory.
    /// </summary>
    void Drain();
}

/// <summary>Told when a request is done.</summary>
public interface IBlockCompletion
{
    /// <summary>The request is done and may be used again. On the node's loop.</summary>
    /// <param name="request">The request.</param>
    /// <param name="error">0, or the positive errno(3) value.</param>
    void Completed(BlockRequest request, int error);
}
