namespace Nacelle.Linux;

/// <summary>A one-shot timer of an <see cref="EventLoop"/>.</summary>
/// <remarks>May be armed and cancelled from any thread; the callback runs on the loop's thread.</remarks>
public sealed class EventLoopTimer
{
    private const long Idle = long.MaxValue;
    private readonly EventLoop _loop;
    private readonly Action _callback;
    private long _deadline = Idle;

    internal EventLoopTimer(EventLoop loop, Action callback)
    {
        _loop = loop;
        _callback = callback;
    }

    internal long Deadline => Interlocked.Read(ref _deadline);

    /// <summary>Sets the moment of the callback and replaces an earlier one.</summary>
    /// <param name="deadlineNanoseconds">On the clock of <see cref="EventLoop.NowNanoseconds"/>; a moment past fires at once.</param>
    public void Arm(long deadlineNanoseconds)
    {
        Interlocked.Exchange(ref _deadline, deadlineNanoseconds);
        _loop.Schedule(this, deadlineNanoseconds);
    }

    /// <summary>Takes the moment back; a callback under way still ends.</summary>
    public void Cancel() => Interlocked.Exchange(ref _deadline, Idle);

    internal bool TryExpire(long deadline) => Interlocked.CompareExchange(ref _deadline, Idle, deadline) == deadline;

    internal void Fire() => _callback();
}
