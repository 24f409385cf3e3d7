namespace Nacelle.Linux.Tests;

public sealed class EventFileDescriptorTests
{
    [Fact]
    public void Counts_and_is_taken_to_zero()
    {
        using EventFileDescriptor counter = new();
        Assert.False(counter.Consume());
        counter.Signal();
        counter.Signal();
        Assert.True(counter.Consume());
        Assert.False(counter.Consume());
    }

    [Fact]
    public void A_disposed_one_does_nothing()
    {
        EventFileDescriptor counter = new();
        counter.Dispose();
        counter.Dispose();
        counter.Signal();
        Assert.False(counter.Consume());
        Assert.Equal(-1, counter.FileDescriptor);
    }

    [Fact]
    public void Signals_that_race_the_end_never_reach_the_file_that_has_the_number_next()
    {
        for (int round = 0; round < 300; round++)
        {
            EventFileDescriptor counter = new();
            using Barrier start = new(2);
            Thread signaller = new(() =>
            {
                start.SignalAndWait(TestContext.Current.CancellationToken);
                for (int i = 0; i < 200; i++)
                {
                    counter.Signal();
                }
            });
            signaller.Start();
            start.SignalAndWait(TestContext.Current.CancellationToken);
            counter.Dispose();

            // Descriptors are given lowest number first, so this one most likely has the number.
            using EventFileDescriptor next = new();
            signaller.Join();
            Assert.False(next.Consume(), $"round {round}: a signal went to another descriptor");
        }
    }
}
