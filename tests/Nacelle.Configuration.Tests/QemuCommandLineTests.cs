using Nacelle.Machine;

namespace Nacelle.Configuration.Tests;

/// <summary>QEMU's command line: what is understood, and how everything else is refused.</summary>
public sealed class QemuCommandLineTests
{
    [Fact]
    public void The_arguments_of_kvm_unit_tests_describe_a_machine()
    {
        MachineDescription machine = Machine(
            "--no-reboot -nodefaults -global kvm-pit.lost_tick_policy=discard -device pc-testdev -device isa-debug-exit,iobase=0xf4,iosize=0x4 "
            + "-display none -serial stdio -machine accel=tcg -kernel x86/apic.flat -smp 2 -append a,b -cpu qemu64,-x2apic,+tsc-deadline -machine pit=off -initrd env");
        Assert.Equal("x86/apic.flat", machine.KernelPath);
        Assert.Equal("env", machine.InitrdPath);
        Assert.Equal("a,b", machine.KernelCommandLine);
        Assert.Equal(2, machine.VirtualCpus);
        Assert.Equal(QemuOptions.DefaultMemory, machine.MemoryBytes);
        Assert.Equal(AcceleratorChoice.Translator, machine.Accelerator);
        Assert.Equal(SerialDescription.StandardStreams, machine.Serial);
        Assert.Equal(new DebugExitDescription(0xF4, 4), machine.DebugExit);
        Assert.True(machine.TestDevice);
        Assert.False(machine.IntervalTimer);
        Assert.True(machine.HighPrecisionTimer);
        Assert.False(machine.RestartOnReset);
        Assert.Equal("qemu64,+tsc-deadline,-x2apic", machine.Cpu.Text);
    }

    [Fact]
    public void Defaults_are_those_of_QEMU()
    {
        MachineDescription machine = Machine("-kernel k");
        Assert.Equal(SerialDescription.None, machine.Serial);
        Assert.Null(machine.DebugExit);
        Assert.Equal("qemu64", machine.Cpu.Text);
        Assert.True(machine.RestartOnReset);
        Assert.Equal(AcceleratorChoice.Translator, machine.Accelerator);
        Assert.Equal(new DebugExitDescription(0x501, 2), Machine("-kernel k -device isa-debug-exit").DebugExit);
    }

    [Theory]
    [InlineData("512", 512UL << 20)]
    [InlineData("4g", 4UL << 30)]
    [InlineData("size=2048K", 2UL << 20)]
    [InlineData("256M", 256UL << 20)]
    public void A_plain_number_of_memory_is_of_MiB(string text, ulong bytes) =>
        Assert.Equal(bytes, Machine($"-kernel k -m {text}").MemoryBytes);

    [Theory]
    [InlineData("-accel kvm", AcceleratorChoice.Kvm)]
    [InlineData("-enable-kvm", AcceleratorChoice.Kvm)]
    [InlineData("-accel tcg,thread=multi", AcceleratorChoice.Translator)]
    [InlineData("-accel kvm -accel tcg", AcceleratorChoice.Auto)]
    [InlineData("-M q35,accel=kvm:tcg", AcceleratorChoice.Auto)]
    public void The_accelerator_is_named_in_several_ways(string arguments, AcceleratorChoice expected) =>
        Assert.Equal(expected, Machine($"-kernel k {arguments}").Accelerator);

    [Theory]
    [InlineData("-smp cpus=4,sockets=1,cores=4,threads=1,maxcpus=4", 4)]
    [InlineData("-smp 3", 3)]
    public void The_topology_may_say_what_is_so(string arguments, int expected) =>
        Assert.Equal(expected, Machine($"-kernel k {arguments}").VirtualCpus);

    [Fact]
    public void A_socket_and_a_file_serve_the_serial_port()
    {
        Assert.Equal(new SerialDescription(SerialKind.Socket, "/a,b"), Machine("-kernel k -serial unix:/a,,b,server=on,wait=off").Serial);
        Assert.Equal(new SerialDescription(SerialKind.File, "f"), Machine("-kernel k -serial file:f").Serial);
        Assert.Equal(SerialDescription.None, Machine("-kernel k -serial null").Serial);
    }

    [Theory]
    [InlineData("-cpu max,vendor=GenuineIntel,enforce,host-phys-bits=on", "GenuineIntel")]
    [InlineData("-cpu host,migratable=no", null)]
    public void A_processor_may_have_another_vendor(string arguments, string? vendor) =>
        Assert.Equal(vendor, Machine($"-kernel k {arguments}").Cpu.Vendor);

    [Theory]
    [InlineData("-device help", QemuQuestion.Devices)]
    [InlineData("-device ?", QemuQuestion.Devices)]
    [InlineData("-cpu help", QemuQuestion.Processors)]
    [InlineData("-machine help", QemuQuestion.Machines)]
    [InlineData("-accel help", QemuQuestion.Accelerators)]
    [InlineData("--help", QemuQuestion.Help)]
    [InlineData("-h", QemuQuestion.Help)]
    [InlineData("-version", QemuQuestion.Version)]
    public void Questions_are_answered_instead(string arguments, QemuQuestion question) =>
        Assert.Equal(new QemuInvocation(question, null), QemuCommandLine.Parse(arguments.Split(' ')));

    [Theory]
    [InlineData("", "-kernel is required")]
    [InlineData("disk.img", "'disk.img' is not offered")]
    [InlineData("-kernel", "-kernel needs a value")]
    [InlineData("-kernel k -kernel l", "-kernel is given twice")]
    [InlineData("-kernel k -kernle l", "option '-kernle' is not offered: did you mean '-kernel'?")]
    [InlineData("-kernel k -daemonize", "option '-daemonize' is not offered")]
    [InlineData("-kernel k -drive file=x", "option '-drive' is not offered")]
    [InlineData("-kernel k -display gtk", "-display gtk is not offered: only -display none is")]
    [InlineData("-kernel k -m 513K", "give at least 2M")]
    [InlineData("-kernel k -m 128,maxmem=1g", "-m maxmem=1g is not offered")]
    [InlineData("-kernel k -smp 2,threads=2", "-smp threads=2 is not offered: each vCPU is a core; give threads=1")]
    [InlineData("-kernel k -smp 2,maxcpus=4", "vCPUs cannot be added later")]
    [InlineData("-kernel k -smp 2,clusters=1", "-smp clusters=1 is not offered")]
    [InlineData("-kernel k -cpu EPIC", "unknown CPU model 'EPIC': did you mean 'EPYC'?")]
    [InlineData("-kernel k -cpu max,+svmm", "unknown CPU feature 'svmm': did you mean 'svm'?")]
    [InlineData("-kernel k -cpu max,phys-bits=36", "unknown CPU feature 'phys-bits'")]
    [InlineData("-kernel k -cpu max,vendor=Intel", "give 12 characters")]
    [InlineData("-kernel k -machine pc", "machine 'pc' is not offered: there is q35")]
    [InlineData("-kernel k -M q35,kernel-irqchip=split", "-M kernel-irqchip=split is not offered")]
    [InlineData("-kernel k -M q35,accel=hvf", "unknown accelerator 'hvf'")]
    [InlineData("-kernel k -M pit=maybe", "neither on nor off")]
    [InlineData("-kernel k -enable-kvm -machine accel=tcg", "given together")]
    [InlineData("-kernel k -accel tcg,thread=single", "-accel thread=single is not offered")]
    [InlineData("-kernel k -accel tcg,tb-size=64", "-accel tb-size=64 is not offered")]
    [InlineData("-kernel k -device edu", "unknown device 'edu'")]
    [InlineData("-kernel k -device pc-testdev,x=1", "-device x=1 is not offered")]
    [InlineData("-kernel k -device pc-testdev -device pc-testdev", "is given twice")]
    [InlineData("-kernel k -device isa-debug-exit,iobase=0x10000", "out of range")]
    [InlineData("-kernel k -device isa-debug-exit,iobase=0xffff,iosize=2", "out of range")]
    [InlineData("-kernel k -serial mon:stdio", "-serial mon:stdio is not offered")]
    [InlineData("-kernel k -serial unix:/s,server=on", "add server=on,wait=off")]
    [InlineData("-kernel k -global x.y=z", "-global x.y=z is not offered")]
    [InlineData("-kernel k -no-shutdown", "option '-no-shutdown' is not offered")]
    public void What_is_not_offered_is_refused_by_name(string arguments, string expected)
    {
        ConfigurationException error = Assert.Throws<ConfigurationException>(
            () => QemuCommandLine.Parse(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static MachineDescription Machine(string arguments)
    {
        QemuInvocation invocation = QemuCommandLine.Parse(arguments.Split(' '));
        Assert.Equal(QemuQuestion.None, invocation.Question);
        return invocation.Machine!;
    }
}
