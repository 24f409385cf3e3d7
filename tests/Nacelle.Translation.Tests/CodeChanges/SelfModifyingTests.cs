using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.CodeChanges;

/// <summary>A processor runs what it has written (SDM volume 3, 9.1.3 and 12.6): by every kind of store, at every place.</summary>
public sealed class SelfModifyingTests
{
    private const ulong Routine = 0x40_0000;
    private const ulong Alias = 0x60_0000;
    private const uint Rounds = 60;

    public static TheoryData<string> Stores =>
        ["byte", "word", "quad", "locked", "exchange", "compare", "vector", "wide vector", "string", "repeated", "moved", "push", "x87"];

    /// <summary>Stores a new constant into the instruction after the store, in the same block, again and again.</summary>
    [Theory]
    [MemberData(nameof(Stores))]
    public void A_store_just_ahead_of_itself_counts(string store)
    {
        using BareMachine machine = new();

        // Found by assembling twice: where the constant of MOV EAX is.
        ulong constant = 0;
        for (int pass = 0; pass < 2; pass++)
        {
            Assembler c = new(64);
            Label target = c.CreateLabel();
            EmitStore(c, store, constant);
            c.Label(ref target);
            c.db(0xB8, 0, 0, 0, 0);
            for (int i = 0; i < 40; i++)
            {
                c.nop();
            }

            c.ret();
            using MemoryStream stream = new();
            AssemblerResult result = c.Assemble(new StreamCodeWriter(stream), Routine, BlockEncoderOptions.ReturnNewInstructionOffsets);
            constant = result.GetLabelRIP(target) + 1;
            Assert.True(machine.Ram.TryWrite(Routine, stream.ToArray()));
        }

        CpuRegisters registers = machine.Run(c =>
        {
            Label loop = c.CreateLabel();
            c.xor(r12d, r12d);
            c.mov(r13d, 1);
            c.Label(ref loop);
            c.call(Routine);
            c.movzx(eax, al);
            c.imul(r12, r12, 31);
            c.add(r12, rax);
            c.inc(r13d);
            c.cmp(r13d, Rounds);
            c.jne(loop);
        });
        Assert.Equal(Sum(n => n & 0x7F, 1), BareMachine.General(registers, GeneralRegister.R12));
    }

    /// <summary>The new bytes begin on one page and end on the next; both hold code that runs, or the second holds data.</summary>
    [Theory]
    [InlineData(true, 2)]
    [InlineData(true, 7)]
    [InlineData(false, 2)]
    [InlineData(false, 5)]
    public void A_store_across_two_pages_changes_both(bool codeInSecond, int inFirst)
    {
        const ulong boundary = Routine + 0x1000;
        using BareMachine machine = new();

        // Apart in physical memory.
        BareMachine.MapPage(machine.Ram, boundary, 0x80_0003);
        ulong first = boundary - (ulong)inFirst;
        machine.Place(first, c =>
        {
            c.db(0xB0, 0);
            c.jmp(Routine + 0x1100);
        });
        byte[] head = new byte[inFirst];
        Assert.True(machine.Ram.TryRead(first, head));
        byte[] tail = codeInSecond ? [0xB3, 0, 0xC3, 0x90, 0x90, 0x90, 0x90, 0x90] : [0, 0, 0, 0, 0, 0, 0, 0];
        machine.Place(Routine + 0x2000, c => c.ret());

        // First page: MOV AL, n; RET where the second is data. Second page: MOV BL, n; RET, entered from the first.
        byte[] code = codeInSecond ? [0xB0, 0, .. Nops(inFirst - 2)] : [0xB0, 0, 0xC3, .. Nops(5)];
        Assert.True(machine.Ram.TryWrite(first, code.AsSpan(0, Math.Min(code.Length, inFirst))));
        Assert.True(machine.Ram.TryWrite(0x80_0000UL, codeInSecond ? tail : code.AsSpan(Math.Min(code.Length, inFirst)).ToArray().Concat(tail).Take(8).ToArray()));
        CpuRegisters registers = machine.Run(c =>
        {
            Label loop = c.CreateLabel();
            c.xor(r12d, r12d);
            c.mov(r13d, 1);
            c.Label(ref loop);

            // The eight bytes from the constant on, with a new one; the second page's constant is there too.
            c.mov(rdx, __[first + 1]);
            c.movzx(ecx, r13b);
            c.and(ecx, 0x7F);
            c.mov(dl, cl);
            if (codeInSecond)
            {
                c.mov(rsi, ~(0xFFUL << (inFirst * 8)));
                c.and(rdx, rsi);
                c.mov(rsi, rcx);
                c.shl(rsi, (byte)(inFirst * 8));
                c.or(rdx, rsi);
            }

            c.mov(rsi, first + 1);
            c.mov(__[rsi], rdx);
            c.xor(ebx, ebx);
            c.call(first);
            c.movzx(eax, al);
            c.movzx(ebx, bl);
            c.imul(r12, r12, 31);
            c.add(r12, rax);
            c.imul(r12, r12, 31);
            c.add(r12, rbx);
            c.inc(r13d);
            c.cmp(r13d, Rounds);
            c.jne(loop);
        });
        ulong expected = 0;
        for (uint n = 1; n < Rounds; n++)
        {
            expected = (((expected * 31) + (n & 0x7F)) * 31) + (codeInSecond ? n & 0x7F : 0);
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.R12));
    }

    /// <summary>Code is written through another linear address, and run after a serialising instruction.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_store_through_another_linear_address_changes_the_code(bool user)
    {
        using BareMachine machine = new();
        if (user)
        {
            machine.LetUsersIn();
        }

        BareMachine.MapPage(machine.Ram, Alias, Routine | (user ? 7UL : 3UL));
        machine.Place(Routine, c =>
        {
            c.db(0xB8, 0, 0, 0, 0);
            c.ret();
        });
        CpuRegisters registers = machine.Run(
            c =>
            {
                Label loop = c.CreateLabel();
                c.xor(r12d, r12d);
                c.mov(r13d, 1);
                c.Label(ref loop);
                c.mov(__[Alias + 1], r13b);
                c.xor(eax, eax);
                c.cpuid();
                c.call(Routine);
                c.imul(r12, r12, 31);
                c.add(r12, rax);

                // The other way round.
                c.mov(__[Routine + 1], al);
                c.not(__byte_ptr[Routine + 1]);
                c.xor(eax, eax);
                c.cpuid();
                c.call(Alias);
                c.imul(r12, r12, 31);
                c.add(r12, rax);
                c.inc(r13d);
                c.cmp(r13d, Rounds);
                c.jne(loop);
            },
            prepare: user ? BareMachine.AsUser : null);
        ulong expected = 0;
        for (uint n = 1; n < Rounds; n++)
        {
            expected = (((expected * 31) + n) * 31) + (byte)~n;
        }

        Assert.Equal(expected, BareMachine.General(registers, GeneralRegister.R12));
    }

    /// <summary>REP MOVS and REP STOS put code right behind themselves, and over pages of which code has run.</summary>
    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 8)]
    [InlineData(true, 1)]
    [InlineData(true, 8)]
    public void A_repeated_store_onto_the_running_code_counts(bool fill, int size)
    {
        const ulong template = 0x70_0000;
        const int pages = 3;
        using BareMachine machine = new();

        // At the start of each page, and right behind: INC EBX, then RET far behind.
        byte[] code = [.. Enumerable.Repeat((byte[])[0xFF, 0xC3], pages * 2048).SelectMany(part => part)];
        Assert.True(machine.Ram.TryWrite(Routine + 0x100, code));
        Assert.True(machine.Ram.TryWrite(Routine + 0x100 + (ulong)code.Length, (byte)0xC3));

        // DEC EBX; for the fill, NOPs.
        byte[] other = [.. Enumerable.Repeat((byte[])[0xFF, 0xCB], pages * 2048).SelectMany(part => part)];
        Assert.True(machine.Ram.TryWrite(template, other));
        machine.Place(Routine, c =>
        {
            c.mov(edi, (int)Routine + 0x100);
            c.mov(esi, (int)template);
            c.mov(ecx, pages * 4096 / size);
            c.mov(rax, 0x9090_9090_9090_9090);
            c.jmp(Routine + 0xFE - (size == 8 ? 1UL : 0));
        });
        machine.Place(Routine + 0xFE - (size == 8 ? 1UL : 0), c =>
        {
            switch (fill, size)
            {
                case (false, 1): c.rep.movsb(); break;
                case (false, _): c.rep.movsq(); break;
                case (true, 1): c.rep.stosb(); break;
                default: c.rep.stosq(); break;
            }
        });
        CpuRegisters registers = machine.Run(c =>
        {
            c.xor(ebx, ebx);
            c.call(Routine + 0x100);
            c.mov(r12d, ebx);
            c.xor(ebx, ebx);
            c.call(Routine);
            c.mov(r13d, ebx);
        });
        Assert.Equal(pages * 2048UL, BareMachine.General(registers, GeneralRegister.R12));
        Assert.Equal(fill ? 0 : unchecked((uint)(-pages * 2048)), (uint)BareMachine.General(registers, GeneralRegister.R13));
    }

    /// <summary>A device writes into RAM that code has run from, on the vCPU's thread.</summary>
    [Fact]
    public void A_device_that_writes_code_is_heeded()
    {
        using BareMachine machine = new();
        machine.Place(Routine, c =>
        {
            c.db(0xB8, 0, 0, 0, 0);
            c.ret();
        });
        uint round = 0;
        machine.OnRequest = () => Assert.True(machine.Ram.TryWrite(Routine + 1, ++round));
        CpuRegisters registers = machine.Run(c =>
        {
            Label loop = c.CreateLabel();
            c.xor(r12d, r12d);
            c.mov(r13d, 1);
            c.Label(ref loop);
            c.@out(0xF0, al);
            c.call(Routine);
            c.imul(r12, r12, 31);
            c.add(r12, rax);
            c.inc(r13d);
            c.cmp(r13d, Rounds);
            c.jne(loop);
        });
        Assert.Equal(Sum(n => n, 1), BareMachine.General(registers, GeneralRegister.R12));
    }

    private static byte[] Nops(int count) => [.. Enumerable.Repeat((byte)0x90, Math.Max(0, count))];

    private static ulong Sum(Func<uint, uint> result, uint first)
    {
        ulong sum = 0;
        for (uint n = first; n < Rounds; n++)
        {
            sum = (sum * 31) + result(n);
        }

        return sum;
    }

    /// <summary>Puts the low seven bits of R13 at a place, where what follows it are NOPs or may be bits of the number.</summary>
    private static void EmitStore(Assembler c, string store, ulong place)
    {
        const long nops = unchecked((long)0x9090_9090_0000_0000);
        c.mov(ecx, r13d);
        c.and(ecx, 0x7F);
        c.mov(rdi, place);
        c.mov(rsi, BareMachine.DataAddress);
        switch (store)
        {
            case "byte":
                c.mov(__[rdi], cl);
                break;
            case "word":
                c.mov(__[rdi], cx);
                break;
            case "quad":
                c.mov(rax, nops);
                c.or(rax, rcx);
                c.mov(__[rdi], rax);
                break;
            case "locked":
                c.mov(eax, __[rdi]);
                c.xor(eax, ecx);
                c.@lock.xor(__[rdi], eax);
                break;
            case "exchange":
                c.xchg(__[rdi], cl);
                break;
            case "compare":
                c.mov(al, __[rdi]);
                c.@lock.cmpxchg(__[rdi], cl);
                break;
            case "vector":
                c.movd(xmm0, ecx);
                c.movd(__dword_ptr[rdi], xmm0);
                break;
            case "wide vector":
                c.mov(rax, nops);
                c.or(rax, rcx);
                c.movq(xmm0, rax);
                c.mov(rax, 0x9090_9090_9090_9090);
                c.movq(xmm1, rax);
                c.punpcklqdq(xmm0, xmm1);
                c.movdqu(__xmmword_ptr[rdi], xmm0);
                break;
            case "string":
                c.mov(eax, ecx);
                c.stosb();
                break;
            case "repeated":
                c.mov(eax, ecx);
                c.mov(ecx, 1);
                c.rep.stosb();
                break;
            case "moved":
                c.mov(__[rsi], ecx);
                c.mov(ecx, 1);
                c.rep.movsb();
                break;
            case "push":
                c.mov(rax, nops);
                c.or(rax, rcx);
                c.mov(r11, rsp);
                c.lea(rsp, __[rdi + 8]);
                c.push(rax);
                c.mov(rsp, r11);
                break;
            default:
                c.mov(__[rsi], ecx);
                c.fild(__dword_ptr[rsi]);
                c.fistp(__dword_ptr[rdi]);
                break;
        }
    }
}
