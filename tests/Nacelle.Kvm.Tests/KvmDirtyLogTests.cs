using Nacelle.Cpu;

namespace Nacelle.Kvm.Tests;

public class KvmDirtyLogTests
{
    private const int RingEntries = 1024;

    // mov byte [0x20000], 1; mov byte [0x23005], 1; out 0x80, al; then the same to 0x21000; out 0x80, al; hlt
    private static readonly byte[] s_writes =
    [
        0xC6, 0x04, 0x25, 0x00, 0x00, 0x02, 0x00, 0x01, 0xC6, 0x04, 0x25, 0x05, 0x30, 0x02, 0x00, 0x01, 0xE6, 0x80,
        0xC6, 0x04, 0x25, 0x00, 0x10, 0x02, 0x00, 0x01, 0xE6, 0x80, 0xF4,
    ];

    [KvmFact]
    public void BitmapsShowExactlyThePagesWritten() => Writes(new KvmAcceleratorOptions());

    [KvmFact]
    public void RingsShowExactlyThePagesWritten()
    {
        RequireRings();
        Writes(new KvmAcceleratorOptions { DirtyRingEntries = RingEntries });
    }

    [KvmFact]
    public void BitmapsHoldMorePagesThanARing() => Fill(new KvmAcceleratorOptions());

    [KvmFact]
    public void ARingThatFillsUpLosesNoPage()
    {
        RequireRings();
        Fill(new KvmAcceleratorOptions { DirtyRingEntries = RingEntries });
    }

    [KvmFact]
    public void PagesAreRefusedWhileNothingIsLogged()
    {
        using TestMachine machine = new([0xF4]);

        Assert.False(machine.Accelerator.DirtyLog.Enabled);
        Assert.Throws<InvalidOperationException>(() => machine.Accelerator.DirtyLog.Collect(0, new ulong[8]));
    }

    [KvmFact]
    public void ABitmapThatIsTooSmallIsRefused()
    {
        using TestMachine machine = new([0xF4]);
        machine.Accelerator.DirtyLog.Start();

        Assert.Throws<ArgumentOutOfRangeException>(() => machine.Accelerator.DirtyLog.Collect(0, new ulong[7]));
    }

    [KvmFact]
    public void ARingOfAnOddSizeIsRefused() => Assert.Throws<ArgumentOutOfRangeException>(
        () => new TestMachine([0xF4], new KvmAcceleratorOptions { DirtyRingEntries = 1000 }));

    private static void RequireRings() => Assert.SkipUnless(
        KvmHost.Probe().Facts!.DirtyRingBytes >= RingEntries * 16, "this host's KVM has no dirty rings");

    /// <summary>A guest writes every page from 2 MiB to 16 MiB, 3584 of them.</summary>
    private static void Fill(KvmAcceleratorOptions options)
    {
        // mov edi, 0x200000; next: mov byte [rdi], 1; out 0x81, al; add edi, 0x1000; cmp edi, 0x1000000; jb next; out 0x80, al;
        // hlt. The first port makes the guest leave for each page: where KVM emulates kernel code it may otherwise write more
        // pages than a ring holds before it looks whether one is full.
        using TestMachine machine = new(
            [
                0xBF, 0x00, 0x00, 0x20, 0x00, 0xC6, 0x07, 0x01, 0xE6, 0x81, 0x81, 0xC7, 0x00, 0x10, 0x00, 0x00, 0x81, 0xFF,
                0x00, 0x00, 0x00, 0x01, 0x72, 0xED, 0xE6, 0x80, 0xF4,
            ],
            options,
            16 << 20);
        machine.Bus.Ports.Map(0x80, 1, "done", new RecordingDevice { OnWrite = machine.Cpu.RequestExit });
        KvmDirtyLog log = machine.Accelerator.DirtyLog;
        log.Start();

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);

        ulong[] bitmap = new ulong[16 * 256 / 64];
        log.Collect(0, bitmap);
        Assert.All(bitmap[8..], word => Assert.Equal(ulong.MaxValue, word));
        Array.Clear(bitmap);
        log.Collect(0, bitmap);
        Assert.All(bitmap[8..], word => Assert.Equal(0UL, word));
    }

    private static void Writes(KvmAcceleratorOptions options)
    {
        using TestMachine machine = new(s_writes, options);
        machine.Bus.Ports.Map(0x80, 1, "done", new RecordingDevice { OnWrite = machine.Cpu.RequestExit });
        KvmDirtyLog log = machine.Accelerator.DirtyLog;
        log.Start();

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);
        Assert.Equal([0x20, 0x23], DataPages(log));
        Assert.Empty(DataPages(log));

        Assert.Equal(VirtualCpuExitReason.Requested, TestMachine.Finish(machine.Start()).Reason);
        Assert.Equal([0x21], DataPages(log));

        log.Stop();
        Assert.False(log.Enabled);
    }

    /// <summary>Below are page tables, in which the processor notes accesses, and the GDT.</summary>
    private static List<int> DataPages(KvmDirtyLog log)
    {
        ulong[] bitmap = new ulong[8];
        log.Collect(0, bitmap);
        return [.. Enumerable.Range(0x20, 512 - 0x20).Where(page => (bitmap[page / 64] >> (page % 64) & 1) != 0)];
    }
}
