using System.Collections.Concurrent;
using System.Text;
using Nacelle.Devices.Platform;
using Nacelle.Kvm;
using Nacelle.Memory;

namespace Nacelle.Machine.Tests;

/// <summary>A Linux guest on KVM, looked at from inside the monitor. Needs a KVM that runs kernels at speed: the lab has one.</summary>
[Trait("Duration", "Long")]
[Trait("Lab", "Kvm")]
public sealed class KvmGuestTests
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(6);

    /// <summary>The check of a live migration: what the log names is copied while the guest runs, and in the end nothing is missing.</summary>
    [Fact]
    public void TheDirtyLogOfARunningGuestMissesNoPage()
    {
        using LineCollector serial = new();
        using VirtualMachine machine = Build(serial, "nacelle.run=true nacelle.then=wait");
        KvmDirtyLog log = ((KvmAccelerator)machine.Accelerator).DirtyLog;
        byte[][] copies = [.. machine.Ram.Ranges.Select(range => Read(machine.Ram, range.Start, (int)range.Length))];
        log.Start();
        machine.Start();

        long copied = 0;
        while (!serial.WaitFor("nacelle-guest: exit 0", TimeSpan.FromSeconds(1)))
        {
            Assert.False(serial.IsLate(s_deadline), $"the guest did not come to its first process:\n{serial}");
            Assert.False(machine.Completion.IsCompleted, $"the guest ended:\n{serial}");
            copied += CopyDirty(machine.Ram, log, copies);
        }

        machine.Pause();
        copied += CopyDirty(machine.Ram, log, copies);

        Assert.InRange(copied, 1000, long.MaxValue);
        for (int i = 0; i < copies.Length; i++)
        {
            RamRange range = machine.Ram.Ranges[i];
            byte[] now = Read(machine.Ram, range.Start, (int)range.Length);
            int first = now.AsSpan().CommonPrefixLength(copies[i]);
            Assert.True(first == now.Length, $"guest-physical 0x{range.Start + (ulong)first:x} changed and was not in the log");
        }
    }

    [Fact]
    public void APausedGuestStandsStillAndGoesOn()
    {
        using LineCollector serial = new();
        using VirtualMachine machine = Build(serial, "nacelle.run=\"while true; do echo still here; done\"");
        machine.Start();
        Assert.True(serial.WaitFor("still here", s_deadline), $"the guest did not come to its first process:\n{serial}");

        machine.Pause();
        byte[] first = Read(machine.Ram, machine.Ram.Ranges[1].Start, (int)machine.Ram.Ranges[1].Length);
        byte[] second = Read(machine.Ram, machine.Ram.Ranges[1].Start, (int)machine.Ram.Ranges[1].Length);
        serial.Forget();
        machine.Continue();

        Assert.True(first.AsSpan().SequenceEqual(second), "RAM changed while the guest was paused");
        Assert.True(serial.WaitFor("still here", s_deadline), $"the guest did not go on:\n{serial}");
    }

    private static VirtualMachine Build(ISerialBackend serial, string words)
    {
        string? kernel = Environment.GetEnvironmentVariable("NACELLE_GUEST_KERNEL");
        string? initrd = Environment.GetEnvironmentVariable("NACELLE_GUEST_INITRD");
        Assert.SkipWhen(
            kernel is null || initrd is null, "name a kernel and an initramfs in NACELLE_GUEST_KERNEL and NACELLE_GUEST_INITRD");
        CalibrationResult calibration = AcceleratorCalibration.Run();
        Assert.SkipUnless(calibration.IsUsable, calibration.Reason);
        return VirtualMachine.Build(
            new MachineDescription
            {
                Accelerator = AcceleratorChoice.Kvm,
                KernelPath = kernel!,
                InitrdPath = initrd,
                KernelCommandLine = $"console=ttyS0 quiet nacelle.modules=off {words}",
                MemoryBytes = 256 << 20,
                VirtualCpus = 2,
            },
            serial);
    }

    private static byte[] Read(GuestMemory ram, ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.True(ram.TryRead(address, bytes));
        return bytes;
    }

    /// <returns>Pages copied.</returns>
    private static long CopyDirty(GuestMemory ram, KvmDirtyLog log, byte[][] copies)
    {
        const int page = (int)GuestMemory.PageSize;
        long copied = 0;
        for (int range = 0; range < copies.Length; range++)
        {
            ulong[] bitmap = new ulong[((copies[range].Length / page) + 63) / 64];
            log.Collect(range, bitmap);
            for (int i = 0; i < copies[range].Length / page; i++)
            {
                if ((bitmap[i / 64] >> (i % 64) & 1) != 0)
                {
                    ulong address = ram.Ranges[range].Start + ((ulong)i * page);
                    Assert.True(ram.TryRead(address, copies[range].AsSpan(i * page, page)));
                    copied++;
                }
            }
        }

        return copied;
    }

    /// <summary>Takes serial output apart into lines. Written on a vCPU's thread, read on the test's.</summary>
    private sealed class LineCollector : ISerialBackend, IDisposable
    {
        private readonly BlockingCollection<string> _lines = [];
        private readonly ConcurrentQueue<string> _seen = [];
        private readonly StringBuilder _partial = new();
        private readonly long _begin = Environment.TickCount64;

        public void Write(ReadOnlySpan<byte> bytes)
        {
            foreach (byte value in bytes)
            {
                if (value == '\n')
                {
                    _seen.Enqueue(_partial.ToString());
                    _lines.Add(_partial.ToString());
                    _partial.Clear();
                }
                else if (value != '\r')
                {
                    _partial.Append((char)value);
                }
            }
        }

        public bool IsLate(TimeSpan deadline) => Environment.TickCount64 - _begin > deadline.TotalMilliseconds;

        public void Forget()
        {
            while (_lines.TryTake(out _))
            {
            }
        }

        /// <summary>Takes lines until one begins so.</summary>
        public bool WaitFor(string begin, TimeSpan patience)
        {
            long end = Environment.TickCount64 + (long)patience.TotalMilliseconds;
            while (_lines.TryTake(out string? line, (int)Math.Max(end - Environment.TickCount64, 0)))
            {
                if (line.StartsWith(begin, StringComparison.Ordinal))
                {
                    return true;
                }
            }

            return false;
        }

        public override string ToString() => string.Join('\n', _seen.TakeLast(40));

        public void Dispose() => _lines.Dispose();
    }
}
