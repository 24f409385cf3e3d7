namespace Nacelle.Linux;

/// <summary>A one-shot timer of an <see cref="EventLoop"/>.</summary>
/// <remarks>
/// May be armed and cancelled from any thread; the callback runs on the loop's thread. It takes one place in the loop's heap,
/// however often it is armed.
/// </remarks>
public sealed class EventLoopTimer
{
    private readonly EventLoop _loop;
    private readonly Action _callback;

    internal EventLoopTimer(EventLoop loop, Action callback)
    {
        _loop = loop;
        _callback = callback;
    }

    /// <summary>Where the timer is in the heap; negative at rest. The heap's lock guards it.</summary>
    internal int Place { get; set; } = -1;

    /// <summary>When it is due. The heap's lock guards it.</summary>
    internal long Deadline { get; set; }

    /// <summary>Sets the moment of the callback and replaces an earlier one.</summary>
    /// <param name="deadlineNanoseconds">On the clock of <see cref="EventLoop.NowNanoseconds"/>; a moment past fires at once.</param>
    public void Arm(long deadlineNanoseconds) => _loop.Schedule(this, deadlineNanoseconds);

    /// <summary>Takes the moment back; a callback under way still ends.</summary>
    public void Cancel() => _loop.Unschedule(this);

    internal void Fire() => _callback();
}
