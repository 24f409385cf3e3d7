using Nacelle.Configuration;
using Nacelle.Cpu;
using Nacelle.Translation;

namespace Nacelle.Cli;

/// <summary>What help says of <c>nacelle run</c>.</summary>
internal static class RunPage
{
    private static readonly Topic s_accelerator = new("Options of --accel",
    [
        ("code-cache=SIZE", $"Translated code that each vCPU may hold, {ByteSize.Format(TranslatorOptions.SmallestCodeCache)} to {ByteSize.Format(TranslatorOptions.LargestCodeCache)}, a multiple of 4K; the oldest goes when it is full. Memory is taken as it fills. Refused for kvm; without effect where auto takes KVM. Default: {ByteSize.Format((ulong)new TranslatorOptions().CodeCacheBytes)}."),
        ("evict-every=N", "Gives up translated code at random, once in N returns from it on average, to find faults of the translator. Refused for kvm; without effect where auto takes KVM. Default: never."),
    ], "accel");

    private static readonly Topic s_cpu = new("Models of --cpu",
    [
        ("host, max", "All that host and accelerator can do."),
        .. CpuModels.All.Select(model => (model.Name, $"{char.ToUpperInvariant(model.Description[0])}{model.Description[1..]}.")),
    ], "cpu");

    private static readonly Topic s_disk = new("Options of --disk",
    [
        ("cache=MODE", $"Use of the host's page cache: {string.Join(", ", DiskOption.CacheModes)}. writeback honours the guest's flushes; none goes past the cache (O_DIRECT); writethrough and directsync make each write durable; unsafe ignores flushes. Default: writeback."),
        ("discard=on|off", "Whether the guest's discards free space in the file. Default: on."),
        ("format=raw", "Says that the file is raw. Without it a file that looks like an image in another format (qcow2, VMDK, VHDX, …) is refused; convert it with qemu-img."),
        ("on-error=WORD", $"What happens when the host refuses a request: {string.Join(", ", DiskOption.ErrorPolicies)}. report gives the guest an I/O error; stop pauses the machine; stop-when-full pauses it only when the host's file system is full. Where a flush fails, writes of before may be lost: that flush and all later ones fail until the machine is started anew, under stop after one pause. Default: report."),
        ("packed=on|off", "Whether the packed virtqueue layout is offered. Default: off."),
        ("queues=N", $"Request queues, 1 to {DiskOption.MostQueues}. Default: one per vCPU, up to 4."),
        ("readonly=on|off", "Whether the guest's writes are refused; such a disk can be shared. Default: off."),
        ("serial=TEXT", $"Serial number that the guest reads, up to {DiskOption.LongestSerial} characters. Default: none."),
    ], "disk");

    private static readonly Topic s_network = new("Options of --net",
    [
        ("forward=[udp:][ADDRESS:]HOST:GUEST", "Forwards a port of the host to one of the guest, TCP unless udp: stands before it; user only; may be given many times. It listens on 127.0.0.1 unless ADDRESS says otherwise: an address of this host, IPv6 in brackets, or * for all of them."),
        ("mac=ADDRESS", "The interface's MAC address. Default: derived from --name, the same at each start; without a name another one at each start."),
        ("packed=on|off", "Whether the packed virtqueue layout is offered. Default: off."),
        ("queues=N", $"Receive and transmit queue pairs, 1 to {NetworkOption.MostQueues}. Default: for a tap one per vCPU up to 4, otherwise 1."),
    ], "net");

    private static readonly Topic s_keys = new("Keys after the escape key",
    [
        ("q", "Ends the machine at once."),
        ("p", "Pauses the machine, or lets it go on; tries again what the host refused."),
        ("b", "Presses the power button: a guest that listens powers off."),
        ("h", "Lists these keys."),
        ("escape key", "Sends the escape key itself to the guest."),
    ]);

    private static readonly Topic s_signals = new("Signals",
    [
        ("TERM, INT, HUP, QUIT", "End the machine at once, as pulling the plug does; a second one ends the process."),
        ("USR1", "Lets a paused machine go on; tries again what the host refused."),
        ("TSTP, CONT", "Stop and continue the process, with the terminal restored in between."),
    ]);

    private static readonly Topic s_counters = new("Counters of --translator-stats",
    [
        .. TranslatorCounterTable.Counters.Select(row => (row.Name, row.Meaning)),
        .. TranslatorCounterTable.Rates.Select(row => (row.Name, row.Meaning)),
    ], "translator-stats");

    /// <summary>All of it.</summary>
    internal static CommandPage Page { get; } = new(
        "nacelle run FILE|--kernel FILE [options]",
        [
            new("Start a guest that libvirt's XML describes, under the rules of RHEL 7", "nacelle run guest.xml --profile rhel7"),
            new("Boot a kernel with its console on this terminal", "nacelle run --kernel vmlinuz --initrd initrd.img --append console=ttyS0"),
            new("Give it 4 vCPUs, 2 GiB of memory and a disk", "nacelle run --kernel vmlinuz --cpus 4 --memory 2G --disk root.img --append 'console=ttyS0 root=/dev/vda'"),
            new("Share a disk read-only and pause when the host runs out of space", "nacelle run --kernel vmlinuz --disk base.img,readonly=on --disk data.img,on-error=stop-when-full"),
            new("Reach the guest's SSH server at port 2222 of the host", "nacelle run --kernel vmlinuz --net user,forward=2222:22"),
            new("Run in the background with the console on a socket", "nacelle run --kernel vmlinuz --serial socket:guest.sock &"),
            new("Show the guest an older processor, without AVX", "nacelle run --kernel vmlinuz --cpu SandyBridge,-avx"),
            new("Debug a kernel from its first instruction", "nacelle run --kernel vmlinuz --append 'console=ttyS0 nokaslr' --gdb tcp:1234,wait"),
            new("See what the translator did during a run", "nacelle run --kernel vmlinuz --accel translator --translator-stats"),
            new("Run a test kernel and take its exit code", "nacelle run --kernel test.elf --no-reboot --quiet"),
        ],
        [s_accelerator, s_cpu, s_disk, s_network, s_keys, s_signals, s_counters, ExitCodeTopic()]);

    private static Topic ExitCodeTopic() => new(
        "Exit codes",
        [.. ExitCodeTable.Rows.Select(row => (row.Code, row.Meaning))],
        "exit-codes");
}
