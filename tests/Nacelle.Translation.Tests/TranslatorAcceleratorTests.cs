using Nacelle.Cpu;
using Nacelle.Memory;

namespace Nacelle.Translation.Tests;

public sealed class TranslatorAcceleratorTests
{
    [Fact]
    public void A_vcpu_may_be_disposed_before_its_accelerator()
    {
        using GuestMemory ram = new([(0, 1 << 20)]);
        using TranslatorAccelerator accelerator =
            new(new MachineBus(ram, new AddressSpace("memory"), new AddressSpace("port")), new TranslatorOptions { CodeCacheBytes = 1 << 20 });
        IVirtualCpu processor = accelerator.CreateVirtualCpu(
            new VirtualCpuConfiguration(0, 0, CpuidModels.ForTranslator(0, 0, 1), null));
        processor.Dispose();
        processor.Dispose();
    }

    [Fact]
    public void Sixty_four_vcpus_run_in_one_process()
    {
        const int count = 64;
        using GuestMemory ram = new([(0, 1 << 20)]);
        using TranslatorAccelerator accelerator =
            new(new MachineBus(ram, new AddressSpace("memory"), new AddressSpace("port")), new TranslatorOptions { CodeCacheBytes = 1 << 20 });
        for (int i = 0; i < count; i++)
        {
            IVirtualCpu processor = accelerator.CreateVirtualCpu(
                new VirtualCpuConfiguration(i, (uint)i, CpuidModels.ForTranslator(i, (uint)i, count), null));
            processor.RequestExit();
            Assert.Equal(VirtualCpuExitReason.Requested, processor.Run().Reason);
        }
    }
}
