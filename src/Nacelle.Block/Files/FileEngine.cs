using Nacelle.Linux;

namespace Nacelle.Block;

/// <summary>Makes the system calls of one event loop's file nodes without blocking the loop.</summary>
/// <remarks>Used on the loop's thread only. One engine serves every disk of its loop; dispose it after them.</remarks>
public abstract class FileEngine : IDisposable
{
    /// <summary>Operations in flight at once; more wait in order of arrival.</summary>
    internal const int MaximumInFlight = 256;

    private FileCommand? _firstWaiting;
    private FileCommand? _lastWaiting;

    private protected FileEngine()
    {
    }

    /// <summary>What it is, for people: "io_uring" or "threads".</summary>
    public abstract string Name { get; }

    /// <summary>Operations handed over and not completed.</summary>
    internal int InFlight { get; private protected set; }

    /// <summary>Makes an engine for a loop: io_uring, or a few threads where the host refuses io_uring.</summary>
    /// <exception cref="LinuxException">The host has no descriptor left.</exception>
    public static FileEngine Create(EventLoop loop)
    {
        ArgumentNullException.ThrowIfNull(loop);
        return IoUring.TryCreate(MaximumInFlight) is { } ring ? new IoUringEngine(loop, ring) : new ThreadEngine(loop);
    }

    /// <summary>Makes an engine of threads, whatever the host offers.</summary>
    /// <exception cref="LinuxException">The host has no descriptor left.</exception>
    public static FileEngine CreateThreaded(EventLoop loop)
    {
        ArgumentNullException.ThrowIfNull(loop);
        return new ThreadEngine(loop);
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Blocks until a node has nothing in flight, running completions; for the end of a node.</summary>
    internal abstract void WaitUntilIdle(RawFileNode node);

    /// <summary>Hands over what was started.</summary>
    internal abstract void Submit();

    internal void Start(FileCommand command)
    {
        if (_firstWaiting is null && InFlight < MaximumInFlight)
        {
            InFlight++;
            Issue(command);
            return;
        }

        command.Next = null;
        if (_lastWaiting is null)
        {
            _firstWaiting = command;
        }
        else
        {
            _lastWaiting.Next = command;
        }

        _lastWaiting = command;
    }

    private protected abstract void Issue(FileCommand command);

    private protected void Finish(FileCommand command, int result)
    {
        InFlight--;
        command.Node!.Step(command, result);
        while (_firstWaiting is { } next && InFlight < MaximumInFlight)
        {
            _firstWaiting = next.Next;
            if (_firstWaiting is null)
            {
                _lastWaiting = null;
            }

            InFlight++;
            Issue(next);
        }
    }
}
