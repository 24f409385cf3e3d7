using Nacelle.Cli.Tests;
using Nacelle.Devices.Platform;

namespace Nacelle.Machine.Tests.Runtime;

/// <summary>An exception that nobody expected ends the machine that met it, with a report, and no other machine of the process.</summary>
public sealed class DefectTests : IDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(60);
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("nacelle-defect");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData(false, "device timers")]
    [InlineData(true, "vCPU 0")]
    public async Task Only_the_machine_that_met_it_ends(bool onProcessor, string where)
    {
        string echo = GuestProgram.Write(Path("echo"), GuestProgram.Print("up"), GuestProgram.EchoUntilDot, GuestProgram.PowerOff);

        // A few bytes go out by a timer; as many as the port gathers go out at once, on the vCPU's thread.
        string wild = onProcessor
            ? GuestProgram.Write(Path("wild"), GuestProgram.Flood(1000), GuestProgram.Halt)
            : GuestProgram.Write(Path("wild"), GuestProgram.Print("x"), GuestProgram.Halt);
        Output output = new();
        using VirtualMachine other = Build(echo, output);
        other.Start();
        await output.Up.WaitAsync(s_deadline, TestContext.Current.CancellationToken);
        using (VirtualMachine machine = Build(wild, new Broken(where)))
        {
            machine.Start();
            MachineStop stop = await machine.Completion.WaitAsync(s_deadline, TestContext.Current.CancellationToken);
            Assert.Equal(MachineStopReason.Failed, stop.Reason);
            Assert.Contains($"{where}: InvalidOperationException: the far end is out of order", stop.Detail, StringComparison.Ordinal);
            Assert.Matches(@"Broken\.Write < .*Nacelle\.Devices\.Platform\.SerialPort\.", stop.Detail);
            Assert.DoesNotContain('\n', stop.Detail!);
            if (onProcessor)
            {
                Assert.Matches("; the guest was at 0x[0-9a-f]+ in (32|64)-bit code at level 0, bytes [0-9A-F]{32}, RFLAGS 0x", stop.Detail);
            }
        }

        Assert.False(other.Completion.IsCompleted, "the other machine ended too");
        other.Serial.Receive("."u8);
        Assert.Equal(
            MachineStopReason.PowerOff, (await other.Completion.WaitAsync(s_deadline, TestContext.Current.CancellationToken)).Reason);
    }

    private string Path(string name) => System.IO.Path.Combine(_directory.FullName, name);

    private static VirtualMachine Build(string kernel, ISerialBackend serial) => VirtualMachine.Build(
        new MachineDescription { KernelPath = kernel, MemoryBytes = 16 << 20, Accelerator = AcceleratorChoice.Translator }, serial);

    /// <summary>Fails on one thread, as a flood may be met by the timer first.</summary>
    private sealed class Broken(string where) : ISerialBackend
    {
        public void Write(ReadOnlySpan<byte> bytes)
        {
            if (Thread.CurrentThread.Name == where)
            {
                throw new InvalidOperationException("the far end\nis out of order");
            }
        }
    }

    private sealed class Output : ISerialBackend
    {
        private readonly TaskCompletionSource _up = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Up => _up.Task;

        public void Write(ReadOnlySpan<byte> bytes) => _up.TrySetResult();
    }
}
