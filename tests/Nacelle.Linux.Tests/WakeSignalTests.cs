namespace Nacelle.Linux.Tests;

/// <summary>Signals from one thread to another that waits.</summary>
public sealed class WakeSignalTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Signals_before_a_wait_are_one_and_are_kept(bool mayLook)
    {
        WakeSignal signal = new(mayLook);
        signal.Signal();
        signal.Signal();
        signal.Wait();
        bool given = false;
        using Timer timer = new(
            _ =>
            {
                Volatile.Write(ref given, true);
                signal.Signal();
            },
            null,
            50,
            Timeout.Infinite);
        signal.Wait();
        Assert.True(Volatile.Read(ref given), "the second signal was kept as well");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_threads_that_wake_each_other_lose_no_signal(bool mayLook)
    {
        const int turns = 20_000;
        WakeSignal ping = new(mayLook);
        WakeSignal pong = new(mayLook);
        int answered = 0;
        Thread other = new(() =>
        {
            for (int i = 0; i < turns; i++)
            {
                ping.Wait();
                answered++;
                pong.Signal();
            }
        });
        other.Start();
        for (int i = 0; i < turns; i++)
        {
            ping.Signal();
            pong.Wait();
            Assert.Equal(i + 1, Volatile.Read(ref answered));
        }

        other.Join();
    }
}
