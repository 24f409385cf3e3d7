using System.Text;
using Nacelle.Devices.Platform;
using Nacelle.Translation;

namespace Nacelle.Machine.Tests.Guests;

/// <summary>A 32-bit kernel on the translator.</summary>
public sealed class NarrowKernelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_32_bit_kernel_with_two_tasks_comes_to_its_result(bool physicalAddressExtension)
    {
        string path = Path.GetTempFileName();
        Collector serial = new();
        try
        {
            new NarrowKernel(physicalAddressExtension).Write(path);
            using VirtualMachine machine = VirtualMachine.Build(
                new MachineDescription
                {
                    Accelerator = AcceleratorChoice.Translator,
                    KernelPath = path,
                    MemoryBytes = 32 << 20,
                    RestartOnReset = false,
                },
                serial);
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            machine.Start();
            Task ended = await Task.WhenAny(
                machine.Completion, Task.Delay(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
            Assert.True(ended == machine.Completion, $"the kernel does not power off; it said '{serial}'");
            TranslatorCounters counters = ((TranslatorAccelerator)machine.Accelerator).ReadCounters();
            output.WriteLine(
                $"{System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds:f2} s; {counters.Blocks} blocks, exits: "
                + $"{counters.OperationExits} operation, {counters.LinkExits} link, {counters.CarefulExits} careful, {counters.FaultExits} fault, "
                + $"{counters.AttentionExits} attention; {counters.TlbMisses} TLB misses, {counters.Deliveries} deliveries");
            MachineStop stop = await machine.Completion;
            Assert.True(stop.Reason == MachineStopReason.PowerOff, $"{stop}; '{serial}'");

            // The tasks push and pop a million times: that is not left to helpers.
            Assert.InRange(counters.OperationExits, 1UL, 50_000UL);
            Assert.Equal(NarrowKernel.Expected, serial.ToString().Trim());
        }
        finally
        {
            File.Delete(path);
        }
    }

    private sealed class Collector : ISerialBackend
    {
        private readonly StringBuilder _text = new();

        public void Write(ReadOnlySpan<byte> bytes)
        {
            lock (_text)
            {
                _text.Append(Encoding.ASCII.GetString(bytes));
            }
        }

        public override string ToString()
        {
            lock (_text)
            {
                return _text.ToString();
            }
        }
    }
}
