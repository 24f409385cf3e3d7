using Nacelle.Devices.Interrupts;
using Nacelle.Memory;

namespace Nacelle.Fuzz;

/// <summary>Lets the input be what guest and devices do to interrupt controllers that are new for each input.</summary>
internal static class InterruptTarget
{
    private const int Processors = 3;

    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">A vCPU is interrupted with a vector that is reserved, or again and again without cause.</exception>
    public static void Run(ReadOnlySpan<byte> bytes)
    {
        FuzzClock clock = new();
        ApicBus bus = new();
        IoApic ioApic = new(bus);
        InterruptControllerPair pair = new(bus);
        AddressSpace memory = new("memory");
        AddressSpace ports = new("port");
        bus.Map(memory);
        memory.Map(IoApic.Address, IoApic.Length, "IOAPIC", ioApic);
        pair.Map(ports);
        LocalApic[] locals = [.. Enumerable.Range(0, Processors).Select(i => new LocalApic((uint)i, i == 0, bus, clock, 2_000_000_000))];
        foreach (LocalApic local in locals)
        {
            local.Attach(new Idle());
        }

        FuzzInput input = new(bytes);
        while (!input.IsEmpty)
        {
            byte action = input.Byte();
            CurrentProcessor.Index = (action >> 4) % Processors;
            LocalApic local = locals[CurrentProcessor.Index];
            switch (action & 15)
            {
                case 0 or 1 or 2:
                    memory.Write(local.WindowAddress + ((input.Byte() & 0x3FUL) * 16), 4, input.Word());
                    break;
                case 3:
                    _ = memory.Read(local.WindowAddress + ((input.Byte() & 0x3FUL) * 16), 4);
                    break;
                case 4 or 5:
                    memory.Write(IoApic.Address, 4, input.Byte() & 0x3FUL);
                    memory.Write(IoApic.Address + 0x10, 4, input.Word());
                    break;
                case 6 or 7:
                    ioApic.SetLevel(input.Byte() % IoApic.PinCount, (action & 0x80) != 0);
                    break;
                case 8:
                    pair.SetLevel(input.Byte() & 15, (action & 0x80) != 0);
                    break;
                case 9 or 10:
                    ulong port = (input.Byte() & 7) switch { 0 => 0x20, 1 => 0x21, 2 => 0xA0, 3 => 0xA1, 4 => 0x4D0, 5 => 0x4D1, 6 => 0x20, _ => 0x21 };
                    ports.Write(port, 1, input.Byte());
                    _ = ports.Read(port, 1);
                    break;
                case 11:
                    Acknowledge(local);
                    break;
                case 12:
                    bus.Send(0xFEE0_0000 | (input.Word() & 0xF_FFFF), input.Word());
                    break;
                case 13:
                    uint register = input.Byte() switch { < 64 => 0x1B, < 128 => 0x6E0, byte other => 0x800u + (other & 0x3Fu) };
                    _ = local.TryWriteModelSpecificRegister(register, input.Number(8));
                    break;
                case 14:
                    clock.Step(input.Half() * 50L);
                    break;
                default:
                    clock.Jump((long)input.Word() << (input.Byte() & 15));
                    break;
            }
        }

        // Each interrupt is taken once: 256 vectors and what the pair still has, but for spurious ones of level inputs, which stay.
        foreach (LocalApic local in locals)
        {
            for (int i = 0; i < 600; i++)
            {
                Acknowledge(local);
            }
        }
    }

    private static void Acknowledge(LocalApic local)
    {
        bool ready = local.HasInterrupt;
        int vector = local.Acknowledge();
        if (vector > 255 || (vector >= 0 && !ready))
        {
            throw new InvalidOperationException($"vector {vector} while there is {(ready ? "one" : "none")}");
        }

        _ = local.TakeNonMaskable();
    }

    private sealed class Idle : ILocalApicProcessor
    {
        public void NotifyInterrupt()
        {
            // Nobody runs.
        }

        public void SignalInit()
        {
            // Nobody runs.
        }

        public void SignalStartup(byte vector)
        {
            // Nobody runs.
        }

        public ulong ReadTimestamp() => 1_000_000;
    }
}
