namespace Nacelle.Fuzz;

/// <summary>Runs one input.</summary>
/// <exception cref="InvalidOperationException">The code under test did what it must not.</exception>
public delegate void FuzzAction(ReadOnlySpan<byte> input);

/// <summary>One target: what can be fuzzed, and with what.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Feeds">What it feeds, in a line for the threat model.</param>
/// <param name="Run">Runs one input.</param>
/// <param name="Longest">The longest input that is of use, in bytes.</param>
public sealed record FuzzTarget(string Name, string Feeds, FuzzAction Run, int Longest = 4096)
{
    /// <summary>All targets, in the order of docs/threat-model.md, which a test compares with them.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("board", "a whole board's ports, memory registers, MSRs, PCI configuration and RAM, with time that is moved by steps and by years, and no vCPUs", BoardTarget.Run),
        new("interrupts", "LAPICs, the IOAPIC and the 8259 pair: registers, lines, messages, acknowledgements and moved time", InterruptTarget.Run, 1024),
        new("ring-0", "random states of a processor in every mode with random code at ring 0, on the translator", Ring0Target.Run, 1024),
        new("boot-bzimage", "changed and shortened bzImages", BootTarget.RunBzImage, 256),
        new("boot-multiboot", "changed and shortened multiboot ELF32 kernels", BootTarget.RunMultiboot, 256),
        new("boot-pvh", "changed and shortened PVH ELF64 kernels", BootTarget.RunPvh, 256),
        new("boot-elf", "files that begin as ELF and are otherwise the input, in both widths", BootTarget.RunElf, 256),
        new("virtqueue", "both ring layouts with arbitrary ring memory", VirtqueueTarget.Run),
        new("network-control", "commands on the control queue of a network card", NetworkControlTarget.Run),
        new("network-transmit", "headers of frames that the guest sends", NetworkTransmitTarget.Run, 64),
        new("gdb", "what a client of `--gdb` sends", GdbTarget.Run),
        new("machine-document", "domain XML and JSON of machines, judged, written and read back", MachineDocumentTarget.RunDocument),
        new("qemu-arguments", "arguments for QEMU, one a line", MachineDocumentTarget.RunArguments),
        new("profile", "profiles of sites", MachineDocumentTarget.RunProfile),
        new("check-report", "descriptions of machines, and every form of report on them", CheckReportTarget.Run),
        new("host-facts", "files of host facts", HostFactsTarget.Run),
        new("block-contents", "labels, superblocks and partition tables of a disk", BlockContentsTarget.Run),
    ];

    /// <summary>Finds a target.</summary>
    public static FuzzTarget? Find(string name) => All.FirstOrDefault(target => target.Name == name);
}
