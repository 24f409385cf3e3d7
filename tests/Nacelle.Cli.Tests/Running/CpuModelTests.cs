using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Kvm;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Cli.Tests;

/// <summary>Processors that guests are shown, as the guests see them.</summary>
public sealed class CpuModelTests
{
    [Theory]
    [InlineData("Conroe", "Genu-06f3")]
    [InlineData("Nehalem", "Genu-06a3")]
    [InlineData("EPYC,-smap", "Auth-0f12")]
    public void A_guest_on_the_translator_sees_the_model(string cpu, string expected) => See("translator", cpu, expected);

    [Fact]
    public void A_guest_on_kvm_sees_the_model()
    {
        KvmProbe probe = KvmHost.Probe();
        Assert.SkipUnless(probe.Availability == KvmAvailability.Available, probe.Reason);

        // A KVM in a guest of another may lack even what that processor had.
        CpuModelSpecification conroe = new(CpuModels.Find("Conroe"), [], []);
        conroe = conroe with { Removed = GuestCpuid.Missing(KvmCpuid.Supported(0, 0, 1), conroe) };
        See("kvm", conroe.Text, "Genu-06f3");
    }

    [Theory]
    [InlineData("Conroe,+vmx", "vmx", "use --cpu Conroe")]
    [InlineData("host,+tbm,+3dnowprefetch", "tbm", "use --cpu host")]
    public void What_cannot_be_had_is_refused_by_name_with_the_way_out(string cpu, string feature, string alternative)
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--cpu", cpu));
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        string line = Assert.Single(end.ErrorLines);
        Assert.Contains($"--cpu {cpu} is not possible here", line, StringComparison.Ordinal);
        Assert.Matches($"(has no|does not do) {feature}", line);
        Assert.Contains(alternative, line, StringComparison.Ordinal);

        // The alternative works.
        string[] words = line.Split("use --cpu ")[1].Split(' ');
        end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--cpu", words[0].TrimEnd(',')));
        Assert.True(end.Code == 0, end.ToString());
    }

    [Fact]
    public void A_misspelt_model_or_feature_is_refused_before_anything_starts()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        foreach ((string cpu, string hint) in ((string, string)[])[("Hasswell", "'Haswell'"), ("host,+avx22", "'avx2'"), ("host,avx", "+avx or -avx")])
        {
            ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--cpu", cpu));
            Assert.True(end.Code == (int)ExitCode.Usage, end.ToString());
            Assert.Contains(hint, Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Duration", "Long")]
    public void Linux_runs_on_every_model_that_the_host_can_show()
    {
        HostReport report = HostReport.Gather();
        Assert.Contains("x86-64-v2", report.CpuModels.Translator!);
        foreach (string model in report.CpuModels.Translator!)
        {
            string output = LinuxGuest.Run("cloud", "grep -m1 vendor_id /proc/cpuinfo; nproc", "--cpus", "2", "--cpu", model);
            Assert.Matches("vendor_id\t: (GenuineIntel|AuthenticAMD)", output);
            Assert.Contains("\n2\r\n", output, StringComparison.Ordinal);
        }
    }

    /// <summary>Writes the first four letters of the vendor and the low half of the signature.</summary>
    private static void See(string accelerator, string cpu, string expected)
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(
            directory.Combine("kernel"),
            assembler =>
            {
                assembler.xor(eax, eax);
                assembler.cpuid();
                assembler.mov(dx, 0x3F8);
                assembler.mov(eax, ebx);
                for (int i = 0; i < 4; i++)
                {
                    assembler.@out(dx, al);
                    assembler.shr(eax, 8);
                }

                assembler.mov(al, (byte)'-');
                assembler.@out(dx, al);
                assembler.mov(eax, 1);
                assembler.cpuid();
                assembler.mov(ebx, eax);
                assembler.mov(dx, 0x3F8);
                for (int shift = 12; shift >= 0; shift -= 4)
                {
                    Label digit = assembler.CreateLabel();
                    assembler.mov(eax, ebx);
                    assembler.shr(eax, (byte)shift);
                    assembler.and(eax, 0xF);
                    assembler.add(eax, '0');
                    assembler.cmp(eax, '9');
                    assembler.jbe(digit);
                    assembler.add(eax, 'a' - '0' - 10);
                    assembler.Label(ref digit);
                    assembler.@out(dx, al);
                }
            },
            GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run("run", "--kernel", kernel, "--accel", accelerator, "--memory", "4M", "--cpu", cpu);
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal(expected, end.Output);
    }
}
