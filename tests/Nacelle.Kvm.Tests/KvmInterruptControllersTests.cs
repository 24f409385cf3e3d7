using Nacelle.Cpu;
using Nacelle.Linux;

namespace Nacelle.Kvm.Tests;

public class KvmInterruptControllersTests
{
    private const int Vector = 0x41;
    private const int Pin = 20;
    private const ulong Handler = TestMachine.CodeAddress + 0x1000;

    // A fixed-delivery message to the LAPIC with id 0 (SDM volume 3, 11.11).
    private const ulong MessageAddress = 0xFEE0_0000;

    // Software-enable the LAPIC through x2APIC: IA32_APIC_BASE bits 10 and 11, then the spurious vector register's bit 8;
    // then announce it on port 0x80, and halt with interrupts on for ever.
    private static readonly byte[] s_waiting =
    [
        0xB9, 0x1B, 0x00, 0x00, 0x00, 0x0F, 0x32, 0x0D, 0x00, 0x0C, 0x00, 0x00, 0x0F, 0x30,
        0xB9, 0x0F, 0x08, 0x00, 0x00, 0xB8, 0xFF, 0x01, 0x00, 0x00, 0x31, 0xD2, 0x0F, 0x30,
        0xE6, 0x80, 0xFB, 0xF4, 0xEB, 0xFD,
    ];

    // As above, and the redirection entry of pin 20 points at the vector, edge-triggered (IOAPIC registers 0x38 and 0x39).
    private static readonly byte[] s_waitingForPin =
    [
        0xB9, 0x1B, 0x00, 0x00, 0x00, 0x0F, 0x32, 0x0D, 0x00, 0x0C, 0x00, 0x00, 0x0F, 0x30,
        0xB9, 0x0F, 0x08, 0x00, 0x00, 0xB8, 0xFF, 0x01, 0x00, 0x00, 0x31, 0xD2, 0x0F, 0x30,
        0xBB, 0x00, 0x00, 0xC0, 0xFE, 0xC7, 0x03, 0x39, 0x00, 0x00, 0x00, 0xC7, 0x43, 0x10, 0x00, 0x00, 0x00, 0x00,
        0xC7, 0x03, 0x38, 0x00, 0x00, 0x00, 0xC7, 0x43, 0x10, 0x41, 0x00, 0x00, 0x00,
        0xE6, 0x80, 0xFB, 0xF4, 0xEB, 0xFD,
    ];

    // out 0x81, al; x2APIC EOI: mov ecx, 0x80b; xor eax, eax; xor edx, edx; wrmsr; iretq
    private static readonly byte[] s_handler =
    [
        0xE6, 0x81, 0xB9, 0x0B, 0x08, 0x00, 0x00, 0x31, 0xC0, 0x31, 0xD2, 0x0F, 0x30, 0x48, 0xCF,
    ];

    [KvmFact]
    public void AMessageInterruptsTheGuest() =>
        Interrupts((controllers, _) => controllers.SendMessage(MessageAddress, Vector));

    [KvmFact]
    public void ADescriptorConnectedToAMessageInterruptsTheGuest()
    {
        using EventFileDescriptor notifier = new();
        Interrupts((controllers, _) =>
        {
            int route = controllers.AddMessageRoute(MessageAddress, 0x99);
            Assert.InRange(route, KvmInterruptControllers.Pins, int.MaxValue);
            controllers.ChangeMessageRoute(route, MessageAddress, Vector);
            controllers.Connect(notifier, route);
            notifier.Signal();
        });
    }

    [KvmFact]
    public void ADisconnectedDescriptorInterruptsNobody()
    {
        using EventFileDescriptor notifier = new();
        int count = Interrupts((controllers, _) =>
        {
            int route = controllers.AddMessageRoute(MessageAddress, Vector);
            controllers.Connect(notifier, route);
            controllers.Disconnect(notifier, route);
            controllers.RemoveMessageRoute(route);
            notifier.Signal();

            // The interrupt that the test waits for comes after the one that must not come.
            controllers.SendMessage(MessageAddress, Vector);
        });

        Assert.Equal(1, count);
    }

    [KvmFact]
    public void APinOfTheIoapicInterruptsTheGuest() => Interrupts(
        (controllers, _) =>
        {
            controllers.SetLevel(Pin, true);
            controllers.SetLevel(Pin, false);
        },
        s_waitingForPin);

    [KvmFact]
    public void ADescriptorConnectedToAPinInterruptsTheGuest()
    {
        using EventFileDescriptor notifier = new();
        Interrupts(
            (controllers, _) =>
            {
                controllers.Connect(notifier, Pin);
                notifier.Signal();
            },
            s_waitingForPin);
    }

    [KvmFact]
    public void AnUnknownRouteIsRefused()
    {
        using TestMachine machine = new([0xF4]);

        Assert.Throws<ArgumentException>(() => machine.Accelerator.InterruptControllers!.RemoveMessageRoute(24));
        Assert.Throws<ArgumentException>(() => machine.Accelerator.InterruptControllers!.ChangeMessageRoute(3, 0, 0));
    }

    [KvmFact]
    public void APinOutsideTheIoapicIsRefused()
    {
        using TestMachine machine = new([0xF4]);

        Assert.Throws<ArgumentOutOfRangeException>(
            () => machine.Accelerator.KernelInterruptControllers!.SetLevel(24, true));
    }

    [KvmFact]
    public void AMessageToNobodyIsLost()
    {
        using TestMachine machine = new([0xF4]);

        machine.Accelerator.KernelInterruptControllers!.SendMessage(0xFEEF_F000, 0xFFFF_FFFF);
        machine.Accelerator.KernelInterruptControllers!.SendMessage(0x1234, 0);
    }

    [KvmFact]
    public void AfterAResetTheControllersCanBeUsedAgain() => Interrupts((controllers, _) =>
    {
        // A pin of the IOAPIC alone: after power-on it is masked there, while the 8259 pair passes everything on.
        controllers.SetLevel(20, true);
        controllers.Reset();
        controllers.SendMessage(MessageAddress, Vector);
    });

    /// <summary>Starts a guest that waits, does something to it, and waits for one interrupt and the exit.</summary>
    /// <returns>How often the handler ran.</returns>
    private static int Interrupts(Action<KvmInterruptControllers, TestMachine> raise, byte[]? code = null)
    {
        using TestMachine machine = new(code ?? s_waiting);
        using ManualResetEventSlim waiting = new();
        using ManualResetEventSlim interrupted = new();
        RecordingDevice handled = new() { OnWrite = interrupted.Set };
        machine.Bus.Ports.Map(0x80, 1, "waiting", new RecordingDevice { OnWrite = waiting.Set });
        machine.Bus.Ports.Map(0x81, 1, "handled", handled);
        machine.SetGate(Vector, Handler);
        Assert.True(machine.Ram.TryWrite(Handler, s_handler));
        Task<VirtualCpuExit> run = machine.Start();
        Assert.True(waiting.Wait(TimeSpan.FromSeconds(20)), "the guest did not come to its halt");

        raise(machine.Accelerator.InterruptControllers!, machine);

        bool arrived = interrupted.Wait(TimeSpan.FromSeconds(20));
        machine.Cpu.RequestExit();
        VirtualCpuExit exit = TestMachine.Finish(run);
        Assert.Equal(new VirtualCpuExit(VirtualCpuExitReason.Requested), exit);
        Assert.True(arrived, "no interrupt reached the guest");
        return handled.Writes.Count;
    }
}
