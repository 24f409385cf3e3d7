using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;
using Nacelle.Memory;

namespace Nacelle.Fuzz;

/// <summary>
/// Lets the input be what a guest does to a whole board. The board stays for many inputs, so that states come about that one input
/// would not reach, and is reset by the input itself or after a number of them.
/// </summary>
internal static class BoardTarget
{
    private const int InputsOfABoard = 2_000;
    private const int MostSteps = 400;
    private static FuzzBoard? s_board;
    private static int s_inputs;

    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">A loop failed, time does not go on, or the board grows.</exception>
    public static void Run(ReadOnlySpan<byte> bytes)
    {
        if (s_board is null || ++s_inputs % InputsOfABoard == 0)
        {
            s_board?.Dispose();
            s_board = new FuzzBoard();
        }

        FuzzBoard board = s_board;
        int timers = board.Clock.Timers;
        FuzzInput input = new(bytes);
        try
        {
            for (int step = 0; step < MostSteps && !input.IsEmpty; step++)
            {
                Step(board, ref input);
            }

            board.Settle();
        }
        catch
        {
            s_board = null;
            throw;
        }

        // Two windows of LAPICs, the BARs of three functions and what is fixed.
        if (board.Clock.Timers != timers || board.Memory.Ranges.Count > 16 || board.Ports.Ranges.Count > 40)
        {
            throw new InvalidOperationException(
                $"the board grows: {board.Clock.Timers} timers, {board.Memory.Ranges.Count} and {board.Ports.Ranges.Count} ranges");
        }
    }

    private static void Step(FuzzBoard board, ref FuzzInput input)
    {
        byte action = input.Byte();
        int size = 1 << (action >> 6);
        CurrentProcessor.Index = (action >> 5 & 1) % FuzzBoard.Processors;
        switch (action & 15)
        {
            case 0 or 1:
                (ulong port, int narrow) = (Place(board.Ports, ref input) & 0xFFFF, Math.Min(size, 4));
                board.Ports.Write(port, narrow, input.Number(narrow));
                break;
            case 2:
                _ = board.Ports.Read(Place(board.Ports, ref input) & 0xFFFF, Math.Min(size, 4));
                break;
            case 3 or 4 or 5:
                ulong address = Place(board.Memory, ref input);
                board.Memory.Write(address, size, input.Number(size));
                break;
            case 6:
                _ = board.Memory.Read(Place(board.Memory, ref input), size);
                break;
            case 7 or 8:
                uint configuration = ((uint)input.Byte() << 12) | input.Byte();
                board.Memory.Write(PciHostBridge.EcamStart + (configuration & ~(uint)(Math.Min(size, 4) - 1)), Math.Min(size, 4), Address(board, ref input));
                break;
            case 9:
                LocalApic local = board.Locals[CurrentProcessor.Index];
                uint register = input.Byte() switch { < 64 => 0x1B, < 128 => 0x6E0, byte other => 0x800u + (other & 0x3Fu) };
                _ = local.TryWriteModelSpecificRegister(register, input.Number(size));
                _ = local.TryReadModelSpecificRegister(register, out _);
                break;
            case 10:
                _ = board.Locals[CurrentProcessor.Index].Acknowledge();
                board.Locals[CurrentProcessor.Index].TaskPriority = (byte)(input.Byte() & 15);
                break;
            case 11:
                board.Clock.Step(input.Half() * 100L);
                break;
            case 12:
                // From nanoseconds to centuries, until the clock can go no further and the board is made anew.
                board.Clock.Jump((long)(input.Word() & 0xFF_FFFF) << (input.Byte() & 31));
                break;
            case 13:
                int at = input.Half() * 16 % (1 << 16);
                _ = board.Ram.TryWrite((ulong)at, input.Bytes(16));
                break;
            case 14:
                QueueOf(board, ref input);
                break;
            default:
                Outside(board, ref input);
                break;
        }
    }

    /// <summary>What comes from outside the guest.</summary>
    private static void Outside(FuzzBoard board, ref FuzzInput input)
    {
        switch (input.Byte() & 7)
        {
            case 0:
                board.Reset();
                break;
            case 1:
                board.Platform.Serial.Receive(input.Bytes(8));
                break;
            case 2:
                board.Platform.Power.PressPowerButton();
                break;
            case 3:
                board.Platform.Router.Send(0xFEE0_0000 | (input.Word() & 0xF_FFFF), input.Word());
                break;
            case 4:
                board.Settle();
                break;
            default:
                _ = board.Console.Receive(input.Bytes(8));
                break;
        }
    }

    /// <summary>Goes the way of a driver up to its queues, so that more than chance brings a device to life.</summary>
    private static void QueueOf(FuzzBoard board, ref FuzzInput input)
    {
        AddressRange[] bars = [.. board.Memory.Ranges.Where(range => range.Length == 0x8000)];
        if (bars.Length == 0)
        {
            return;
        }

        ulong bar = bars[input.Byte() % bars.Length].Start;
        ulong rings = 0x100UL * input.Byte();
        board.Memory.Write(bar + 20, 1, 0);
        board.Memory.Write(bar + 20, 1, 3);
        board.Memory.Write(bar + 8, 4, 1);
        board.Memory.Write(bar + 12, 4, input.Byte() & 0x7u | 1);
        board.Memory.Write(bar + 20, 1, 11);
        for (ulong queue = 0; queue < 3; queue++)
        {
            board.Memory.Write(bar + 22, 2, queue);
            board.Memory.Write(bar + 24, 2, 1UL << (input.Byte() & 7));
            board.Memory.Write(bar + 32, 8, rings);
            board.Memory.Write(bar + 40, 8, rings + 0x400);
            board.Memory.Write(bar + 48, 8, rings + 0x800);
            board.Memory.Write(bar + 28, 2, 1);
        }

        board.Memory.Write(bar + 20, 1, 15);
        board.Memory.Write(bar + 0x3000 + (4UL * (input.Byte() & 3u)), 2, 0);
    }

    /// <summary>A place inside a device or anywhere.</summary>
    private static ulong Place(AddressSpace space, ref FuzzInput input)
    {
        byte choice = input.Byte();
        IReadOnlyList<AddressRange> ranges = space.Ranges;
        if (choice == 255)
        {
            return input.Number(8);
        }

        AddressRange range = ranges[choice % ranges.Count];
        return range.Start + (input.Half() % range.Length);
    }

    /// <summary>A value for a BAR: somebody's place, or anything.</summary>
    private static ulong Address(FuzzBoard board, ref FuzzInput input)
    {
        byte choice = input.Byte();
        return choice < 128 ? board.Memory.Ranges[choice % board.Memory.Ranges.Count].Start : input.Word();
    }
}
