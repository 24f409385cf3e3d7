using System.Buffers.Binary;
using System.Text;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Cli.Tests;

/// <summary>Small 32-bit multiboot kernels: what a test needs of a guest without the seconds that an operating system takes.</summary>
internal static class GuestProgram
{
    private const uint LoadAddress = 0x10_0000;
    private const int HeaderSize = 0x60;
    private const ushort Serial = 0x3F8;

    /// <summary>Writes a text to the serial port.</summary>
    public static Action<Assembler> Print(string text) => assembler =>
    {
        assembler.mov(dx, Serial);
        foreach (byte value in Encoding.ASCII.GetBytes(text))
        {
            assembler.mov(al, value);
            assembler.@out(dx, al);
        }
    };

    /// <summary>Stands still with interrupts off.</summary>
    public static void Halt(Assembler assembler)
    {
        Label loop = assembler.CreateLabel();
        assembler.cli();
        assembler.Label(ref loop);
        assembler.hlt();
        assembler.jmp(loop);
    }

    /// <summary>Goes round for ever without leaving guest code.</summary>
    public static void Spin(Assembler assembler)
    {
        Label loop = assembler.CreateLabel();
        assembler.Label(ref loop);
        assembler.pause();
        assembler.jmp(loop);
    }

    /// <summary>Powers off as ACPI has it: SLP_EN and SLP_TYP 5 to PM1a_CNT.</summary>
    public static void PowerOff(Assembler assembler)
    {
        assembler.mov(dx, 0x604);
        assembler.mov(ax, (1 << 13) | (5 << 10));
        assembler.@out(dx, ax);
        Halt(assembler);
    }

    /// <summary>Resets through port 0xCF9.</summary>
    public static void Reset(Assembler assembler)
    {
        assembler.mov(dx, 0xCF9);
        assembler.mov(al, 0x06);
        assembler.@out(dx, al);
        Halt(assembler);
    }

    /// <summary>Reports a panic through pvpanic.</summary>
    public static void Panic(Assembler assembler)
    {
        assembler.mov(dx, 0x505);
        assembler.mov(al, 1);
        assembler.@out(dx, al);
        Halt(assembler);
    }

    /// <summary>Meets a triple fault: an exception without an interrupt descriptor table.</summary>
    public static void TripleFault(Assembler assembler)
    {
        assembler.push(0);
        assembler.push(0);
        assembler.lidt(__[esp]);
        assembler.ud2();
    }

    /// <summary>Writes to the debug-exit port.</summary>
    public static Action<Assembler> DebugExit(byte value) => assembler =>
    {
        assembler.mov(al, value);
        assembler.@out(0xF4, al);
        Halt(assembler);
    };

    /// <summary>Sends back what arrives at the serial port until a '.' came, which is sent back too.</summary>
    public static void EchoUntilDot(Assembler assembler)
    {
        Label loop = assembler.CreateLabel();
        assembler.Label(ref loop);
        assembler.mov(dx, Serial + 5);
        assembler.@in(al, dx);
        assembler.test(al, 1);
        assembler.je(loop);
        assembler.mov(dx, Serial);
        assembler.@in(al, dx);
        assembler.@out(dx, al);
        assembler.cmp(al, (byte)'.');
        assembler.jne(loop);
    }

    /// <summary>Writes bytes to the serial port, some 64 KiB times a number.</summary>
    public static Action<Assembler> Flood(int times) => assembler =>
    {
        Label loop = assembler.CreateLabel();
        assembler.mov(dx, Serial);
        assembler.mov(ecx, times << 16);
        assembler.mov(al, (byte)'x');
        assembler.Label(ref loop);
        assembler.@out(dx, al);
        assembler.dec(ecx);
        assembler.jne(loop);
    };

    /// <summary>Writes a kernel that does the parts one after the other.</summary>
    /// <returns>The path.</returns>
    public static string Write(string path, params ReadOnlySpan<Action<Assembler>> parts)
    {
        Assembler assembler = new(32);
        assembler.mov(esp, 0x8_0000);
        foreach (Action<Assembler> part in parts)
        {
            part(assembler);
        }

        using MemoryStream code = new();
        assembler.Assemble(new StreamCodeWriter(code), LoadAddress + HeaderSize);
        File.WriteAllBytes(path, [.. Header((uint)code.Length), .. code.ToArray()]);
        return path;
    }

    /// <summary>An ELF32 header with one segment, then a multiboot header.</summary>
    private static byte[] Header(uint codeSize)
    {
        byte[] header = new byte[HeaderSize];
        Span<byte> bytes = header;
        ReadOnlySpan<byte> identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1];
        identification.CopyTo(bytes);
        void Half(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(offset), value);
        void Word(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(offset), value);

        const int programHeader = 0x34;
        const int multibootHeader = 0x54;
        Half(0x10, 2); // executable
        Half(0x12, 3); // 80386
        Word(0x14, 1);
        Word(0x18, LoadAddress + HeaderSize);
        Word(0x1C, programHeader);
        Half(0x28, 0x34);
        Half(0x2A, 0x20);
        Half(0x2C, 1);
        Word(programHeader, 1); // PT_LOAD
        Word(programHeader + 4, 0);
        Word(programHeader + 8, LoadAddress);
        Word(programHeader + 12, LoadAddress);
        Word(programHeader + 16, HeaderSize + codeSize);
        Word(programHeader + 20, HeaderSize + codeSize);
        Word(programHeader + 24, 7);
        Word(programHeader + 28, 0x1000);
        Word(multibootHeader, 0x1BAD_B002);
        Word(multibootHeader + 4, 0);
        Word(multibootHeader + 8, unchecked(0u - 0x1BAD_B002));
        return header;
    }
}
