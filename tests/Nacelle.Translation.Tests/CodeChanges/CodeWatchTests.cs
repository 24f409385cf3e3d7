using System.Collections.Concurrent;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Memory;
using Nacelle.Translation.Cache;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.CodeChanges;

/// <summary>Who is told when code is translated from a page: those who may be writing to it, and nobody else.</summary>
public sealed class CodeWatchTests : IDisposable
{
    private const ulong Page = 0x4000;
    private readonly GuestMemory _ram = new([(0, 1 << 20)]);
    private readonly CodeWatch _watch;
    private readonly Watcher _first;
    private readonly Watcher _second;

    public CodeWatchTests()
    {
        _watch = new CodeWatch(_ram);
        _first = new Watcher(_watch);
        _second = new Watcher(_watch);
    }

    public void Dispose()
    {
        _watch.Dispose();
        _ram.Dispose();
    }

    [Fact]
    public void A_vcpu_that_never_wrote_to_a_page_is_not_asked_to_stop()
    {
        _watch.Watch(Page, 1, _first, isNew: true);
        Assert.Empty(_second.Protected);
        Assert.False(_watch.MustCompare(Page));
    }

    [Fact]
    public void A_vcpu_that_may_be_writing_is_asked_once_and_not_again_when_the_code_is_translated_anew()
    {
        Assert.True(_watch.TryWriteUnseen(Page + 8, _second.UnseenWrites));
        _watch.Watch(Page, 1, _first, isNew: true);
        Assert.Equal([Page], _second.Protected);
        Assert.True(_watch.MustCompare(Page));
        Assert.True(_watch.EndUnseenWrites(Page, _second.UnseenWrites));
        Assert.False(_watch.EndUnseenWrites(Page, _second.UnseenWrites));
        _watch.Settled(Page);
        Assert.False(_watch.MustCompare(Page));

        for (int i = 0; i < 3; i++)
        {
            _watch.Release(Page, 0);
            _watch.Watch(Page, 1, _first, isNew: true);
        }

        Assert.Equal([Page], _second.Protected);
    }

    [Fact]
    public void Nobody_may_begin_to_write_unseen_to_a_watched_page()
    {
        _watch.Watch(Page, 1, _first, isNew: true);
        Assert.False(_watch.TryWriteUnseen(Page, _second.UnseenWrites));
        Assert.False(_second.UnseenWrites.Contains((int)(Page >> 12)));
        Assert.True(_watch.TryWriteUnseen(Page + 4096, _second.UnseenWrites));
        _watch.Release(Page, 0);
        Assert.True(_watch.TryWriteUnseen(Page, _second.UnseenWrites));
        _watch.Watch(Page, 1, _first, isNew: true);
        Assert.Equal([Page], _second.Protected);
    }

    [Fact]
    public void Pages_are_told_apart()
    {
        UnseenWrites writes = new(130);
        foreach (int page in (int[])[0, 63, 64, 129])
        {
            writes.Add(page);
        }

        writes.Remove(63);
        Assert.Equal([0, 64, 129], Enumerable.Range(0, 130).Where(writes.Contains));
    }

    /// <summary>One begins to write to a page as another begins to watch it: at least one of them learns of the other.</summary>
    [Fact]
    public void Either_the_writer_sees_the_watch_or_the_watch_asks_the_writer()
    {
        const int rounds = 200_000;
        int begun = 0;
        int done = 0;
        bool mayWrite = false;
        Thread writer = new(() =>
        {
            for (int round = 1; round <= rounds; round++)
            {
                Await(ref begun, round);
                mayWrite = _watch.TryWriteUnseen(Page, _second.UnseenWrites);
                Volatile.Write(ref done, round);
                Await(ref begun, -round);
                _watch.EndUnseenWrites(Page, _second.UnseenWrites);
                Volatile.Write(ref done, -round);
            }
        })
        {
            IsBackground = true,
        };
        writer.Start();
        int missed = 0;
        int refused = 0;
        int wait = 0;
        for (int round = 1; round <= rounds; round++)
        {
            Volatile.Write(ref begun, round);

            // Whoever was first the last time begins a little later: they meet. Reading what the other writes makes its
            // store slow, and likely to be passed by the load after it.
            for (int turn = 0; turn < wait; turn++)
            {
                _second.UnseenWrites.Contains((int)(Page >> 12));
            }

            _watch.Watch(Page, 1, _first, isNew: true);
            Await(ref done, round);
            bool asked = _second.Protected.TryDequeue(out _);
            missed += mayWrite && !asked ? 1 : 0;
            refused += mayWrite ? 0 : 1;
            wait = Math.Max(0, mayWrite ? wait - 1 : wait + 1);
            if (asked)
            {
                _watch.Settled(Page);
            }

            _watch.Release(Page, 0);
            Volatile.Write(ref begun, -round);
            Await(ref done, -round);
        }

        writer.Join();
        Assert.True(missed == 0, $"{missed} of {rounds} writes would not be seen; {refused} were refused");
    }

    private static void Await(ref int place, int value)
    {
        while (Volatile.Read(ref place) != value)
        {
        }
    }

    /// <summary>Code of many pages that nobody writes, beside a vCPU that waits.</summary>
    [Fact]
    public void A_vcpu_is_left_alone_while_another_translates_what_it_does_not_write()
    {
        const ulong routines = 0x80_0000;
        const ulong flag = BareMachine.DataAddress;
        const int count = 2000;
        using BareMultiprocessor machine = new(2);
        for (int i = 0; i < count; i++)
        {
            // inc ebx; ret.
            Assert.True(machine.Ram.TryWrite(routines + ((ulong)i * 4096), [0xFF, 0xC3, 0xC3]));
        }

        CpuRegisters[] registers = machine.Run(
            c =>
            {
                Label loop = c.CreateLabel();
                c.xor(ebx, ebx);
                c.mov(rsi, routines);
                c.Label(ref loop);
                c.call(rsi);
                c.add(rsi, 4096);
                c.cmp(ebx, count);
                c.jne(loop);
                c.mov(__dword_ptr[flag], 1);
            },
            c =>
            {
                Label wait = c.CreateLabel();
                c.Label(ref wait);
                c.pause();
                c.cmp(__dword_ptr[flag], 1);
                c.jne(wait);
            });
        Assert.Equal((ulong)count, BareMachine.General(registers[0], GeneralRegister.Rbx));
        Assert.InRange(machine.Counters.Blocks, (ulong)count, ulong.MaxValue);
        Assert.Equal(0UL, machine.Counters.CodeChanges);
    }

    /// <summary>A vCPU that runs, and notes what it is asked.</summary>
    private sealed class Watcher : ICodeWatcher
    {
        public Watcher(CodeWatch watch)
        {
            UnseenWrites = watch.CreateUnseenWrites();
            watch.Add(this);
        }

        public ConcurrentQueue<ulong> Protected { get; } = [];

        public UnseenWrites UnseenWrites { get; }

        public bool IsParked => false;

        public void ProtectNow(ulong page)
        {
        }

        public void RequestProtection(ulong page, bool counted) => Protected.Enqueue(page);

        public bool MayBeWriting(ulong page) => false;

        public void RequestInvalidation(ulong page, ulong chunks)
        {
        }
    }
}
