using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Cli.Tests;

/// <summary>Machines with as many vCPUs as there are numbers for, on the translator.</summary>
public sealed class ManyProcessorsTests
{
    [Theory]
    [InlineData(137)]
    [InlineData(254)]
    public void All_processors_of_a_large_machine_start(int count)
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(
            directory.Combine("kernel"), assembler => StartOthers(assembler, count - 1), GuestProgram.Print("all\n"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--cpus", $"{count}"));
        Assert.True(end.Code == 0, end.ToString());
        Assert.Equal("all\n", end.Output);
    }

    /// <summary>INIT and start-up for all others (SDM volume 3, 9.4.4.1), which count themselves; waits for all of them.</summary>
    private static void StartOthers(Assembler assembler, int others)
    {
        const uint trampoline = 0x8000;
        const uint counter = 0x9000;
        const uint interruptCommand = 0xFEE0_0300;
        const uint initialise = 0x000C_4500;
        const uint startUp = 0x000C_4600 | (trampoline >> 12);

        // xor ax, ax; mov ds, ax; lock inc word [9000h]; hlt; jmp to it: 16-bit code.
        ReadOnlySpan<byte> code = [0x31, 0xC0, 0x8E, 0xD8, 0xF0, 0xFF, 0x06, 0x00, 0x90, 0xF4, 0xEB, 0xFD];
        for (int i = 0; i < code.Length; i++)
        {
            assembler.mov(__byte_ptr[trampoline + i], code[i]);
        }

        assembler.mov(__dword_ptr[counter], 0);

        // A local APIC takes commands once it is on by software.
        assembler.mov(__dword_ptr[0xFEE0_00F0], 0x1FF);
        assembler.mov(__dword_ptr[interruptCommand], initialise);
        assembler.mov(__dword_ptr[interruptCommand], startUp);
        Label wait = assembler.CreateLabel();
        assembler.Label(ref wait);
        assembler.pause();
        assembler.cmp(__dword_ptr[counter], others);
        assembler.jne(wait);
    }
}
