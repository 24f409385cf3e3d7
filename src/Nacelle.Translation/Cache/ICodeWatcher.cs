namespace Nacelle.Translation.Cache;

/// <summary>A vCPU as <see cref="CodeWatch"/> sees it.</summary>
internal interface ICodeWatcher
{
    /// <summary>On the vCPU's own thread: writes to this guest-physical page go the slow way from now on.</summary>
    void ProtectNow(ulong page);

    /// <summary>Pages that it may write to unseen.</summary>
    UnseenWrites UnseenWrites { get; }

    /// <summary>Whether it waits or is not run at all: it does what it has been asked to before it goes on.</summary>
    bool IsParked { get; }

    /// <summary>From any thread: the same, soon; and <see cref="CodeWatch.Settled"/> then if it is counted.</summary>
    void RequestProtection(ulong page, bool counted);

    /// <summary>
    /// From any thread: whether a write to this watched page may be on its way that was let through because it does not touch
    /// code.
    /// </summary>
    bool MayBeWriting(ulong page);

    /// <summary>From any thread: blocks translated from these chunks of a page are to be dropped, soon.</summary>
    void RequestInvalidation(ulong page, ulong chunks);
}
