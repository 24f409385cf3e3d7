namespace Nacelle.Linux;

/// <summary>Timers by deadline: a binary heap in which each timer knows its place, so that re-arming moves it.</summary>
/// <remarks>Guarded by its owner's lock. Grows to the number of timers, never to the number of times they are armed.</remarks>
internal sealed class TimerHeap
{
    private EventLoopTimer[] _entries = new EventLoopTimer[16];

    /// <summary>Timers that are armed.</summary>
    public int Count { get; private set; }

    /// <summary>The timer that is due first; null when none is armed.</summary>
    public EventLoopTimer? First => Count == 0 ? null : _entries[0];

    /// <summary>Arms a timer, or moves an armed one to another moment.</summary>
    public void Set(EventLoopTimer timer, long deadline)
    {
        int place = timer.Place;
        if (place < 0)
        {
            if (Count == _entries.Length)
            {
                Array.Resize(ref _entries, Count * 2);
            }

            place = Count++;
        }

        timer.Deadline = deadline;
        Settle(timer, place);
    }

    /// <summary>Takes a timer out; does nothing to one at rest.</summary>
    public void Remove(EventLoopTimer timer)
    {
        int place = timer.Place;
        if (place < 0)
        {
            return;
        }

        timer.Place = -1;
        EventLoopTimer last = _entries[--Count];
        _entries[Count] = null!;
        if (last != timer)
        {
            Settle(last, place);
        }
    }

    /// <summary>Puts a timer where it belongs on the way through a free place.</summary>
    private void Settle(EventLoopTimer timer, int place)
    {
        while (place > 0 && timer.Deadline < _entries[(place - 1) / 2].Deadline)
        {
            Put(_entries[(place - 1) / 2], place);
            place = (place - 1) / 2;
        }

        while (true)
        {
            int child = (place * 2) + 1;
            if (child + 1 < Count && _entries[child + 1].Deadline < _entries[child].Deadline)
            {
                child++;
            }

            if (child >= Count || _entries[child].Deadline >= timer.Deadline)
            {
                Put(timer, place);
                return;
            }

            Put(_entries[child], place);
            place = child;
        }
    }

    private void Put(EventLoopTimer timer, int place)
    {
        _entries[place] = timer;
        timer.Place = place;
    }
}
