using Nacelle.Linux;

namespace Nacelle.Block;

/// <summary>Makes the calls on a few threads, for hosts that refuse io_uring.</summary>
/// <remarks>The two lists, guarded by the work lock, are all that the loop and the threads share.</remarks>
internal sealed unsafe class ThreadEngine : FileEngine
{
    private const int ThreadCount = 4;
    private readonly EventLoop _loop;
    private readonly EventFileDescriptor _completed = new();
    private readonly Queue<FileCommand> _work = new(MaximumInFlight);
    private readonly Queue<FileCommand> _done = new(MaximumInFlight);
    private readonly Thread[] _threads = new Thread[ThreadCount];
    private bool _stopping;

    public ThreadEngine(EventLoop loop)
    {
        _loop = loop;
        loop.Watch(_completed.FileDescriptor, PollEvents.Readable, _ =>
        {
            _completed.Consume();
            Reap();
        });
        for (int i = 0; i < ThreadCount; i++)
        {
            _threads[i] = new Thread(Work) { Name = $"disk-{i}", IsBackground = true };
            _threads[i].Start();
        }
    }

    public override string Name => "threads";

    public override void Dispose()
    {
        lock (_work)
        {
            _stopping = true;
            Monitor.PulseAll(_work);
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _loop.Unwatch(_completed.FileDescriptor);
        _completed.Dispose();
    }

    internal override void Submit()
    {
        // Commands reach the threads as they are issued.
    }

    internal override void WaitUntilIdle(RawFileNode node)
    {
        while (node.InFlight > 0)
        {
            lock (_work)
            {
                while (_done.Count == 0)
                {
                    Monitor.Wait(_work);
                }
            }

            Reap();
        }
    }

    private protected override void Issue(FileCommand command)
    {
        lock (_work)
        {
            _work.Enqueue(command);
            Monitor.PulseAll(_work);
        }
    }

    private void Reap()
    {
        while (true)
        {
            FileCommand? command;
            lock (_work)
            {
                if (!_done.TryDequeue(out command))
                {
                    return;
                }
            }

            Finish(command, command.Result);
        }
    }

    private void Work()
    {
        while (true)
        {
            FileCommand? command;
            lock (_work)
            {
                while (!_work.TryDequeue(out command))
                {
                    if (_stopping)
                    {
                        return;
                    }

                    Monitor.Wait(_work);
                }
            }

            command.Result = command.Kind switch
            {
                FileCommandKind.Read => HostFile.ReadVector(
                    command.FileDescriptor, command.Segments, command.SegmentCount, command.Offset),
                FileCommandKind.Write => HostFile.WriteVector(
                    command.FileDescriptor, command.Segments, command.SegmentCount, command.Offset, command.Flags),
                FileCommandKind.Synchronise => HostFile.SynchroniseData(command.FileDescriptor),
                _ => HostFile.Allocate(command.FileDescriptor, command.Flags, command.Offset, command.Remaining),
            };
            lock (_work)
            {
                _done.Enqueue(command);
                Monitor.PulseAll(_work);
            }

            _completed.Signal();
        }
    }
}
