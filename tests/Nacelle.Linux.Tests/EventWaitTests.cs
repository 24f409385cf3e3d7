namespace Nacelle.Linux.Tests;

/// <summary>Waiting where the host has no epoll_pwait2(2).</summary>
public sealed class EventWaitTests
{
    [Theory]
    [InlineData(-1, -1)]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(1_000_000, 1)]
    [InlineData(1_000_001, 2)]
    [InlineData(long.MaxValue, int.MaxValue)]
    public void Milliseconds_are_rounded_up(long nanoseconds, int milliseconds) =>
        Assert.Equal(milliseconds, EventWait.Milliseconds(nanoseconds));
}
