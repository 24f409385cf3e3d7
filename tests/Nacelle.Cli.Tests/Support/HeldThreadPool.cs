namespace Nacelle.Cli.Tests;

/// <summary>Keeps the thread pool from running anything until it is disposed of.</summary>
internal sealed class HeldThreadPool : IDisposable
{
    private readonly ManualResetEventSlim _release = new();
    private readonly int _workers;
    private readonly int _ports;
    private readonly int _fewest;
    private readonly int _fewestPorts;
    private int _held;

    private HeldThreadPool()
    {
        // The pool takes no smaller bound than the number of processors, and none below its least number of threads.
        ThreadPool.GetMinThreads(out _fewest, out _fewestPorts);
        ThreadPool.GetMaxThreads(out _workers, out _ports);
        int most = Environment.ProcessorCount;
        Assert.True(
            ThreadPool.SetMinThreads(1, _fewestPorts) && ThreadPool.SetMaxThreads(most, _ports), "the thread pool cannot be bounded");
        int wanted = Thread.CurrentThread.IsThreadPoolThread ? most - 1 : most;
        for (int i = 0; i < wanted; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(_ => Wait(), null);
        }

        Assert.True(
            SpinWait.SpinUntil(() => Volatile.Read(ref _held) == wanted, NacelleProcess.Patience),
            $"{_held} of {wanted} threads are held");
    }

    /// <summary>Holds it.</summary>
    internal static HeldThreadPool Hold() => new();

    /// <inheritdoc/>
    public void Dispose()
    {
        _release.Set();
        ThreadPool.SetMaxThreads(_workers, _ports);
        ThreadPool.SetMinThreads(_fewest, _fewestPorts);
    }

    private void Wait()
    {
        Interlocked.Increment(ref _held);
        _release.Wait();
    }
}
