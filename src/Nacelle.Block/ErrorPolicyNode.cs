namespace Nacelle.Block;

/// <summary>What happens when the host refuses a request.</summary>
public enum BlockErrorPolicy
{
    /// <summary>The request fails.</summary>
    Report,

    /// <summary>The request is held and the fault handler told; it is tried again at <see cref="ErrorPolicyNode.Resume"/>.</summary>
    Stop,

    /// <summary>As <see cref="Stop"/> when the host's file system or quota is full, else as <see cref="Report"/>.</summary>
    StopWhenFull,
}

/// <summary>A request that the host refused.</summary>
/// <param name="Operation">What was asked.</param>
/// <param name="Offset">Where on the disk, in bytes.</param>
/// <param name="ErrorNumber">The errno(3) value.</param>
/// <param name="IsLost">Whether writes that had completed are lost, which no second try mends.</param>
public readonly record struct BlockFault(BlockOperation Operation, long Offset, int ErrorNumber, bool IsLost = false);

/// <summary>Holds back requests that the host refused, so that the machine can pause in place of an error in the guest.</summary>
/// <remarks>
/// Owned by the loop of the node beneath, which it disposes. A held request is done again from its start, which is
/// harmless: its range is still the guest's to write. A flush is held once, so that somebody hears of it; when the machine goes on it fails,
/// and so do all later ones, since no second try brings back what the host has lost. The number held is bounded by the number the caller has in flight.
/// </remarks>
/// <param name="inner">The node beneath.</param>
/// <param name="policy">What to hold.</param>
/// <param name="onFault">Told on the loop when the first request is held; pauses the machine without waiting for it.</param>
public sealed class ErrorPolicyNode(IBlockNode inner, BlockErrorPolicy policy, Action<BlockFault> onFault)
    : IBlockNode, IBlockCompletion
{
    private const int InputOutputError = 5;
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;
    private readonly List<(BlockRequest Request, int Error)> _held = [];
    private readonly Dictionary<BlockRequest, IBlockCompletion?> _owners = new(ReferenceEqualityComparer.Instance);
    private bool _draining;
    private bool _lossTold;

    /// <inheritdoc/>
    public long Length => inner.Length;

    /// <inheritdoc/>
    public bool IsReadOnly => inner.IsReadOnly;

    /// <inheritdoc/>
    public bool CanDiscard => inner.CanDiscard;

    /// <inheritdoc/>
    public int PreferredAlignment => inner.PreferredAlignment;

    /// <inheritdoc/>
    public bool WriteCache
    {
        get => inner.WriteCache;
        set => inner.WriteCache = value;
    }

    /// <inheritdoc/>
    public int LostWriteError => inner.LostWriteError;

    /// <summary>Requests held back.</summary>
    public int HeldCount => _held.Count;

    /// <inheritdoc/>
    public void Start(BlockRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _owners[request] = request.Completion;
        request.Completion = this;
        inner.Start(request);
    }

    /// <inheritdoc/>
    public void Submit() => inner.Submit();

    /// <summary>Tries the held requests again. On the loop.</summary>
    public void Resume()
    {
        (BlockRequest Request, int Error)[] again = [.. _held];
        _held.Clear();
        foreach ((BlockRequest request, _) in again)
        {
            inner.Start(request);
        }

        inner.Submit();
    }

    /// <inheritdoc/>
    public void Drain()
    {
        _draining = true;
        inner.Drain();
        (BlockRequest Request, int Error)[] failed = [.. _held];
        _held.Clear();
        foreach ((BlockRequest request, int error) in failed)
        {
            Finish(request, error);
        }

        _draining = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Drain();
        inner.Dispose();
    }

    /// <inheritdoc/>
    void IBlockCompletion.Completed(BlockRequest request, int error)
    {
        bool lost = request.Operation == BlockOperation.Flush && inner.LostWriteError != 0;
        if (error == 0 || _draining || !Holds(error) || (lost && _lossTold))
        {
            Finish(request, error);
            return;
        }

        _lossTold |= lost;

        _held.Add((request, error));
        if (_held.Count == 1)
        {
            onFault(new BlockFault(request.Operation, request.Offset, error, lost));
        }
    }

    // Errors of the guest's own making (a range past the end, a write to a read-only disk) are never held: no resume
    // could mend them.
    private bool Holds(int error) => policy switch
    {
        BlockErrorPolicy.Stop => error is InputOutputError or NoSpace or QuotaExceeded,
        BlockErrorPolicy.StopWhenFull => error is NoSpace or QuotaExceeded,
        _ => false,
    };

    private void Finish(BlockRequest request, int error)
    {
        _owners.Remove(request, out IBlockCompletion? owner);
        request.Completion = owner;
        owner?.Completed(request, error);
    }
}
