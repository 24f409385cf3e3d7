using Nacelle.Machine;

namespace Nacelle.Cli.Tests;

/// <summary>A session whose end or pause comes before its start, as a signal at the wrong moment makes it.</summary>
public sealed class SessionTests
{
    [Fact]
    public async Task An_end_before_the_start_is_an_end()
    {
        using TemporaryDirectory directory = new();
        using MachineSession session = Build(directory);
        session.RequestStop();
        session.Start();
        MachineStop stop = await session.Completion.WaitAsync(NacelleProcess.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(MachineStopReason.Requested, stop.Reason);
    }

    [Fact]
    public async Task A_pause_before_the_start_holds_until_the_machine_may_go_on()
    {
        using TemporaryDirectory directory = new();
        using MachineSession session = Build(directory);
        session.Pause();
        session.Start();
        await Assert.ThrowsAsync<TimeoutException>(
            () => session.Completion.WaitAsync(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken));
        session.Continue();
        MachineStop stop = await session.Completion.WaitAsync(NacelleProcess.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(MachineStopReason.PowerOff, stop.Reason);
    }

    private static MachineSession Build(TemporaryDirectory directory) => MachineSession.Build(new MachineDescription
    {
        KernelPath = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff),
        Accelerator = AcceleratorChoice.Translator,
        MemoryBytes = 4 << 20,
    });
}
