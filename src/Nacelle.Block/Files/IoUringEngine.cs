using System.Diagnostics;
using Nacelle.Linux;

namespace Nacelle.Block;

/// <summary>Makes the calls through one io_uring, whose completions arrive at the loop through an eventfd.</summary>
internal sealed unsafe class IoUringEngine : FileEngine
{
    private readonly EventLoop _loop;
    private readonly IoUring _ring;
    private readonly FileCommand?[] _slots = new FileCommand?[MaximumInFlight];
    private readonly int[] _free = new int[MaximumInFlight];
    private readonly EventLoopTimer _retry;
    private int _freeCount = MaximumInFlight;

    public IoUringEngine(EventLoop loop, IoUring ring)
    {
        _loop = loop;
        _ring = ring;
        for (int i = 0; i < MaximumInFlight; i++)
        {
            _free[i] = i;
        }

        _retry = loop.CreateTimer(Submit);
        loop.Watch(ring.CompletionEvent.FileDescriptor, PollEvents.Readable, _ =>
        {
            ring.CompletionEvent.Consume();
            Reap();
            Submit();
        });
    }

    public override string Name => "io_uring";

    public override void Dispose()
    {
        _retry.Cancel();
        _loop.Unwatch(_ring.CompletionEvent.FileDescriptor);
        _ring.Dispose();
    }

    internal override void Submit()
    {
        if (!_ring.Submit())
        {
            // Without a completion on its way nothing else would come back to what the kernel did not take.
            const long pause = 2_000_000;
            _retry.Arm(EventLoop.NowNanoseconds + pause);
        }
    }

    internal override void WaitUntilIdle(RawFileNode node)
    {
        while (node.InFlight > 0)
        {
            if (!_ring.Wait())
            {
                Thread.Yield();
            }

            Reap();
        }
    }

    private protected override void Issue(FileCommand command)
    {
        int slot = _free[--_freeCount];
        _slots[slot] = command;
        IoUringSubmission submission = new()
        {
            FileDescriptor = command.FileDescriptor,
            Offset = (ulong)command.Offset,
            UserData = (ulong)slot,
        };
        switch (command.Kind)
        {
            case FileCommandKind.Read:
            case FileCommandKind.Write:
                submission.Operation = command.Kind == FileCommandKind.Read
                    ? IoUringOperation.ReadVector
                    : IoUringOperation.WriteVector;
                submission.Address = (ulong)command.Segments;
                submission.Length = (uint)command.SegmentCount;
                submission.OperationFlags = (uint)command.Flags;
                break;
            case FileCommandKind.Synchronise:
                const uint dataOnly = 1;
                submission.Operation = IoUringOperation.Synchronise;
                submission.Offset = 0;
                submission.OperationFlags = dataOnly;
                break;
            default:
                submission.Operation = IoUringOperation.Allocate;
                submission.Address = (ulong)command.Remaining;
                submission.Length = (uint)command.Flags;
                break;
        }

        if (!_ring.TryQueue(submission))
        {
            // The ring holds as many entries as may be in flight; it is full only of entries the kernel has yet to take.
            _ring.Submit();
            bool queued = _ring.TryQueue(submission);
            Debug.Assert(queued, "the submission ring is as long as the number of slots");
        }
    }

    private void Reap()
    {
        while (_ring.TryReap(out ulong slot, out int result))
        {
            FileCommand command = _slots[slot]!;
            _slots[slot] = null;
            _free[_freeCount++] = (int)slot;
            Finish(command, result);
        }
    }
}
