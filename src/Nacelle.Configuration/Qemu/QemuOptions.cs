namespace Nacelle.Configuration;

/// <summary>An option of QEMU's command line that is understood.</summary>
/// <param name="Name">With one dash; two are taken as well.</param>
/// <param name="Value">What its value is called; null where it has none.</param>
/// <param name="Meaning">What it does here, in a sentence or two.</param>
public sealed record QemuOption(string Name, string? Value, string Meaning);

/// <summary>The subset of QEMU's command line that is understood.</summary>
public static class QemuOptions
{
    /// <summary>Guest memory when none is named, as QEMU has it.</summary>
    public const ulong DefaultMemory = 128UL << 20;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<QemuOption> All { get; } =
    [
        new("-kernel", "FILE", "Kernel to boot: a bzImage, a PVH ELF or a multiboot ELF32 file. Required."),
        new("-initrd", "FILE", "Initial RAM disk; of a multiboot kernel, its module."),
        new("-append", "TEXT", "The kernel's command line. A multiboot kernel finds its own file name before it."),
        new("-m", "[size=]SIZE", "Guest memory: a number of MiB, or with k, M, G or T; a multiple of 2M. Default: 128."),
        new("-smp", "N|cpus=N[,maxcpus=N][,sockets=1][,dies=1][,cores=N][,threads=1]", "Number of vCPUs, which make one socket of single-threaded cores and cannot be added to later. Default: 1."),
        new("-cpu", "MODEL[,±feature…][,feature=on|off…][,vendor=TEXT]", "The processor that the guest sees; -cpu help lists models and features. What cannot be had is refused. enforce, migratable=off and host-phys-bits=on state what is so. Default: qemu64."),
        new("-machine", "[type=]q35[,accel=NAME][,pit=on|off]", "The board and what runs it; pit=off leaves the 8254 timer out, on the translator. Default: q35."),
        new("-M", "…", "The same as -machine."),
        new("-accel", "tcg|kvm", "What runs the guest; tcg stands for Nacelle's translator. Of both, KVM is taken where it runs guest kernel code at hardware speed. tcg,thread=multi states what is so. Default: tcg."),
        new("-enable-kvm", null, "The same as -accel kvm."),
        new("-device", "isa-debug-exit[,iobase=PORT][,iosize=N]", "Ports whose writes end the machine with exit status 2V+1, in 8 bits. Default: iobase=0x501,iosize=2."),
        new("-device", "pc-testdev", "The test device of kvm-unit-tests."),
        new("-serial", "stdio|none|null|file:PATH|unix:PATH,server=on,wait=off", "What the first serial port is connected to. Default: none."),
        new("-name", "[guest=]NAME", "A name for people, which the guest finds in its SMBIOS tables."),
        new("-no-reboot", null, "A reset or triple fault ends the machine, with exit status 0, instead of starting it again."),
        new("-display", "none", "States what is so: there is no display."),
        new("-vga", "none", "States what is so: there is no display adapter."),
        new("-vnc", "none", "States what is so: there is no VNC server."),
        new("-parallel", "none", "States what is so: there is no parallel port."),
        new("-monitor", "none", "States what is so: there is no monitor."),
        new("-net", "none", "States what is so: there is no network card."),
        new("-nic", "none", "States what is so: there is no network card."),
        new("-nodefaults", null, "States what is so: nothing is added that was not asked for but what every board has."),
        new("-no-user-config", null, "States what is so: no configuration file is read."),
        new("-global", "kvm-pit.lost_tick_policy=discard", "States what is so: ticks of the 8254 timer that fell together arrive as one."),
        new("-help", null, "Show help; -h too."),
        new("-version", null, "Show the version."),
    ];
}
