namespace Nacelle.Devices.Timers;

/// <summary>Arithmetic on moments of a timer service, in nanoseconds.</summary>
internal static class Moment
{
    /// <summary>
    /// The shortest period of an interrupt that comes again by itself: a guest that asks for less would only keep itself and the
    /// timer thread from everything else. KVM has the same floor.
    /// </summary>
    internal const long ShortestPeriod = 200_000;

    /// <summary>A moment after another one; the end of time where it is further away than can be said.</summary>
    internal static long After(long moment, UInt128 nanoseconds)
    {
        UInt128 left = (UInt128)(long.MaxValue - (Int128)moment);
        return nanoseconds >= left ? long.MaxValue : moment + (long)nanoseconds;
    }
}
