using System.Buffers.Binary;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.Guests;

/// <summary>
/// A static 32-bit Linux program, put together without a tool chain. It computes, makes system calls by INT 80h and through the
/// vDSO, reaches thread-local storage through GS, takes a signal for a fault, and writes what it has found in hexadecimal.
/// </summary>
internal static class NarrowProgram
{
    private const uint Base = 0x0804_8000;
    private const uint HeaderBytes = 0x60;
    private const uint Data = 0x0806_0000;
    private const uint Text = Data + 0x100;
    private const uint Local = Data + 0x200;
    private const uint Description = Data + 0x300;
    private const uint Action = Data + 0x340;
    private const uint Faults = Data + 0x380;
    private const int Turns = 300_000;

    /// <summary>What it writes where everything is right.</summary>
    public static string Expected
    {
        get
        {
            uint state = 1;
            uint sum = 0;
            for (int i = 0; i < Turns; i++)
            {
                state = (state * 1_103_515_245) + 12_345;
                uint low = state & 0xFFFF;
                ulong product = (ulong)state * (low + 1);
                sum = (uint)(product >> 32) ^ uint.RotateLeft(sum, 5) ^ (uint)(product % 1000);
            }

            return $"narrow: {sum:x8} 00000001 00000001 600df00d 00000001";
        }
    }

    /// <summary>The file.</summary>
    public static byte[] Build()
    {
        byte[] code = Assemble();
        byte[] file = new byte[HeaderBytes + code.Length];
        Span<byte> header = file;
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1]).CopyTo(header);

        // ET_EXEC, EM_386, version; entry; program headers at 52; sizes (System V ABI, chapter 4).
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], 3);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(header[24..], Base + HeaderBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(header[28..], 52);
        BinaryPrimitives.WriteUInt16LittleEndian(header[40..], 52);
        BinaryPrimitives.WriteUInt16LittleEndian(header[42..], 32);
        BinaryPrimitives.WriteUInt16LittleEndian(header[44..], 1);

        // One segment, which may be read, written and executed, with room for the data.
        uint[] segment = [1, 0, Base, Base, (uint)file.Length, Data + 0x1000 - Base, 7, 0x1000];
        for (int i = 0; i < segment.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(header[(52 + (i * 4))..], segment[i]);
        }

        code.CopyTo(header[(int)HeaderBytes..]);
        return file;
    }

    private static byte[] Assemble()
    {
        Assembler c = new(32);
        Label find = c.CreateLabel();
        Label skip = c.CreateLabel();
        Label search = c.CreateLabel();
        Label found = c.CreateLabel();
        Label hexadecimal = c.CreateLabel();
        Label start = c.CreateLabel();
        c.jmp(start);

        // The handler at the file's sixth byte of code: moves EIP over MOV EAX, [0] and counts.
        Label handler = c.CreateLabel();
        Label restorer = c.CreateLabel();
        c.Label(ref handler);
        c.mov(eax, __[esp + 12]);
        c.add(__dword_ptr[eax + 76], 5);
        c.inc(__dword_ptr[Faults]);
        c.ret();
        c.Label(ref restorer);
        c.mov(eax, 173);
        c.@int(0x80);
        c.hlt();

        // EAX as eight digits at EDI.
        Label digit = c.CreateLabel();
        Label letter = c.CreateLabel();
        c.Label(ref hexadecimal);
        c.mov(ecx, 8);
        c.mov(edx, eax);
        c.Label(ref digit);
        c.rol(edx, 4);
        c.mov(al, dl);
        c.and(al, 15);
        c.add(al, (byte)'0');
        c.cmp(al, (byte)'9');
        c.jbe(letter);
        c.add(al, 'a' - '9' - 1);
        c.Label(ref letter);
        c.stosb();
        c.loop(digit);
        c.mov(al, (byte)' ');
        c.stosb();
        c.ret();

        // AT_SYSINFO of the auxiliary vector, behind the arguments and the environment, into EBP.
        c.Label(ref start);
        c.cld();
        c.mov(eax, __[esp]);
        c.lea(esi, __[esp + (eax * 4) + 8]);
        c.Label(ref find);
        c.lodsd();
        c.test(eax, eax);
        c.jne(find);
        c.Label(ref search);
        c.lodsd();
        c.mov(ebp, __[esi]);
        c.add(esi, 4);
        c.cmp(eax, 32);
        c.je(found);
        c.test(eax, eax);
        c.jne(search);
        c.xor(ebp, ebp);
        c.Label(ref found);
        c.mov(edi, Text);
        foreach (char letterOf in "narrow: ")
        {
            c.mov(al, (byte)letterOf);
            c.stosb();
        }

        EmitSum(c);
        c.call(hexadecimal);

        // getppid twice, and once more through the vDSO with EBP kept.
        c.mov(eax, 64);
        c.@int(0x80);
        c.mov(ebx, eax);
        c.mov(eax, 64);
        c.@int(0x80);
        c.cmp(eax, ebx);
        c.sete(al);
        c.movzx(eax, al);
        c.push(ebx);
        c.call(hexadecimal);
        c.pop(ebx);
        c.mov(eax, 64);
        c.test(ebp, ebp);
        c.je(skip);
        c.call(ebp);
        c.Label(ref skip);
        c.cmp(eax, ebx);
        c.sete(al);
        c.movzx(eax, al);
        c.call(hexadecimal);

        // set_thread_area, and a word through GS: base, limit of 4 GiB, 32-bit.
        c.mov(__dword_ptr[Description], -1);
        c.mov(__dword_ptr[Description + 4], Local);
        c.mov(__dword_ptr[Description + 8], 0xF_FFFF);
        c.mov(__dword_ptr[Description + 12], 0x51);
        c.mov(ebx, Description);
        c.mov(eax, 243);
        c.@int(0x80);
        c.mov(eax, __[Description]);
        c.lea(eax, __[(eax * 8) + 3]);
        c.mov(gs, eax);
        c.mov(__dword_ptr[Local + 16], 0x600D_0000);
        c.mov(eax, 0xF00D);
        c.add(__.gs[16], eax);
        c.mov(eax, __[Local + 16]);
        c.call(hexadecimal);

        // rt_sigaction(SIGSEGV) with SA_SIGINFO and SA_RESTORER, and a fault.
        c.mov(__dword_ptr[Action], Base + HeaderBytes + JumpSize);
        c.mov(__dword_ptr[Action + 4], 0x0400_0004);
        c.mov(__dword_ptr[Action + 8], Base + HeaderBytes + JumpSize + HandlerSize);
        c.mov(ebx, 11);
        c.mov(ecx, Action);
        c.xor(edx, edx);
        c.mov(esi, 8);
        c.mov(eax, 174);
        c.@int(0x80);

        // MOV EAX, [0] has five bytes.
        c.db(0xA1, 0, 0, 0, 0);
        c.mov(eax, __[Faults]);
        c.call(hexadecimal);
        c.mov(__byte_ptr[edi - 1], (byte)'\n');

        // write and exit.
        c.mov(edx, edi);
        c.sub(edx, Text);
        c.mov(ecx, Text);
        c.mov(ebx, 1);
        c.mov(eax, 4);
        c.@int(0x80);
        c.xor(ebx, ebx);
        c.mov(eax, 1);
        c.@int(0x80);
        using MemoryStream stream = new();
        AssemblerResult result = c.Assemble(new StreamCodeWriter(stream), Base + HeaderBytes, BlockEncoderOptions.ReturnNewInstructionOffsets);
        Assert.Equal(Base + HeaderBytes + JumpSize, result.GetLabelRIP(handler));
        Assert.Equal(Base + HeaderBytes + JumpSize + HandlerSize, result.GetLabelRIP(restorer));
        return stream.ToArray();
    }

    private const uint JumpSize = 2;
    private const uint HandlerSize = 15;

    private static void EmitSum(Assembler c)
    {
        Label again = c.CreateLabel();
        c.push(edi);
        c.push(ebp);
        c.mov(esi, 1);
        c.xor(edi, edi);
        c.mov(ebp, Turns);
        c.Label(ref again);
        c.imul(esi, esi, 1_103_515_245);
        c.add(esi, 12_345);
        c.movzx(eax, si);
        c.inc(eax);
        c.mul(esi);
        c.rol(edi, 5);
        c.xor(edi, edx);

        // The product modulo 1000, by two divisions.
        c.mov(ebx, 1000);
        c.push(eax);
        c.mov(eax, edx);
        c.xor(edx, edx);
        c.div(ebx);
        c.pop(eax);
        c.div(ebx);
        c.xor(edi, edx);
        c.dec(ebp);
        c.jne(again);
        c.mov(eax, edi);
        c.pop(ebp);
        c.pop(edi);
    }
}
