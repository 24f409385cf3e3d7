using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>
/// Lets one thread wait until others wake it (futex(2)). A signal that comes while nobody waits is kept for the next wait;
/// several are one.
/// </summary>
/// <remarks>
/// Any thread may signal; one at a time may wait. Before it sleeps the waiting thread looks for a signal for a while, which is
/// adapted to how soon signals have come: on virtual hosts to sleep and be woken takes tens of microseconds.
/// </remarks>
public sealed unsafe partial class WakeSignal
{
    private const int None = 0;
    private const int Signalled = 1;
    private const int Sleeping = -1;
    private const long SystemCall = 202;

    // 50 and 5 microseconds in ticks of the stopwatch: what to sleep and be woken costs, and a first try.
    private static readonly long s_longest = Stopwatch.Frequency / 20_000;
    private static readonly long s_first = Stopwatch.Frequency / 200_000;

    // Pinned, as the kernel waits at its address, and alive as long as anyone may signal.
    private readonly int[] _word = GC.AllocateArray<int>(1, pinned: true);
    private readonly int* _address;
    private readonly bool _mayLook;

    // How long to look for a signal, in ticks of the stopwatch. Owned by the waiting thread.
    private long _window;

    /// <param name="mayLook">Whether the waiting thread may take processor time to look for a signal before it sleeps.</param>
    public WakeSignal(bool mayLook)
    {
        _mayLook = mayLook;
        _address = (int*)Marshal.UnsafeAddrOfPinnedArrayElement(_word, 0);
    }

    /// <summary>Wakes the thread that waits, or lets the next wait return at once.</summary>
    public void Signal()
    {
        if (Interlocked.Exchange(ref _word[0], Signalled) == Sleeping)
        {
            const int wakePrivate = 1 | 128;
            _ = Futex(SystemCall, _address, wakePrivate, 1, null);
        }
    }

    /// <summary>Waits for a signal and takes it.</summary>
    public void Wait()
    {
        if (Interlocked.Exchange(ref _word[0], None) == Signalled)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        if (_mayLook && Look(start))
        {
            _window = Math.Min(_window * 2, s_longest);
            return;
        }

        Sleep();
        if (!_mayLook)
        {
            return;
        }

        // Worth looking where the signal has come soon; a waste where it has not.
        _window = Stopwatch.GetTimestamp() - start <= s_longest
            ? Math.Min(Math.Max(_window * 2, s_first), s_longest)
            : _window / 2;
    }

    private bool Look(long start)
    {
        while (Stopwatch.GetTimestamp() - start < _window)
        {
            if (Volatile.Read(ref _word[0]) == Signalled)
            {
                Volatile.Write(ref _word[0], None);
                return true;
            }

            Thread.SpinWait(10);
        }

        return false;
    }

    private void Sleep()
    {
        if (Interlocked.CompareExchange(ref _word[0], Sleeping, None) == None)
        {
            const int waitPrivate = 128;
            while (Volatile.Read(ref _word[0]) == Sleeping)
            {
                // Returns at once where the word has changed meanwhile, and now and then for nothing.
                _ = Futex(SystemCall, _address, waitPrivate, Sleeping, null);
            }
        }

        Volatile.Write(ref _word[0], None);
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial long Futex(long number, int* word, int operation, int value, void* timeout);
}
