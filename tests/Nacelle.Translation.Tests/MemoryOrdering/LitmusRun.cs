using System.Runtime.InteropServices;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.MemoryOrdering;

/// <summary>
/// Runs a litmus test many times on as many vCPUs as it has processors. The guest does it by itself: the vCPUs meet before
/// each round, wait a few instructions more or less, run the operations on variables in cache lines of their own, and the
/// first vCPU counts the outcomes. Where the host has fewer processors than the test, a meeting costs a time slice: the vCPUs
/// then meet once for many rounds only.
/// </summary>
internal static class LitmusRun
{
    private const ulong Barrier = BareMachine.DataAddress;
    private const ulong Stop = BareMachine.DataAddress + 0x400;
    private const ulong Last = BareMachine.DataAddress + 0x800;
    private const ulong Scratch = BareMachine.DataAddress + 0x1000;
    private const ulong Outcomes = 0x80_0000;
    private const ulong Variables = 0xC0_0000;
    private const ulong Results = 0x100_0000;
    private const int Line = 64;
    private const int SlotSize = 4 * Line;
    private const int ResultSize = 16;
    private const int ResultStride = 0x1_0000;

    /// <summary>Runs a test.</summary>
    /// <param name="program">The test.</param>
    /// <param name="forms">The instructions of each processor.</param>
    /// <param name="rounds">How often.</param>
    /// <param name="patience">No new rounds begin after this time.</param>
    /// <returns>How often each outcome was seen.</returns>
    public static SortedDictionary<int, ulong> Run(LitmusProgram program, LitmusForm[] forms, int rounds, TimeSpan patience)
    {
        using BareMultiprocessor machine = new(program.Threads.Length);
        using Timer timer = new(_ => machine.Ram.TryWrite(Stop, 1UL), null, patience, Timeout.InfiniteTimeSpan);
        machine.Run([.. program.Threads.Select((_, thread) => (Action<Assembler>)(c => Emit(c, program, thread, forms[thread], rounds)))]);
        byte[] counts = new byte[8 << (2 * program.Observed.Count)];
        Assert.True(machine.Ram.TryRead(Outcomes, counts));
        ReadOnlySpan<ulong> table = MemoryMarshal.Cast<byte, ulong>(counts);
        SortedDictionary<int, ulong> seen = [];
        for (int i = 0; i < table.Length; i++)
        {
            if (table[i] != 0)
            {
                seen[i] = table[i];
            }
        }

        return seen;
    }

    /// <summary>R10: variables of the round; R11: its results; R9: the barrier's next number; RBX, RBP, RDX: the test's registers.</summary>
    private static void Emit(Assembler c, LitmusProgram program, int thread, LitmusForm form, int rounds)
    {
        Label batch = c.CreateLabel();
        Label slot = c.CreateLabel();
        Label end = c.CreateLabel();
        int threads = program.Threads.Length;
        bool meetsOften = threads <= Environment.ProcessorCount;
        int slots = meetsOften ? 64 : 1024;
        for (int value = 1; value <= 3; value++)
        {
            c.mov(eax, value);
            c.movd(Vector(value), eax);
        }

        c.xor(r9d, r9d);
        c.mov(r14, 0x9E37_79B9_7F4A_7C15 * (ulong)(thread + 1));
        c.mov(r12d, (rounds + slots - 1) / slots);
        c.cld();
        c.Label(ref batch);
        c.mov(r10d, (int)Variables);
        c.mov(r11d, (int)Results + (thread * ResultStride));
        c.mov(r13d, slots);
        c.Label(ref slot);
        if (meetsOften)
        {
            Meet(c, threads);
        }

        Delay(c);
        foreach (LitmusOperation operation in program.Threads[thread])
        {
            EmitOperation(c, operation, form);
        }

        c.mov(__dword_ptr[r11], ebx);
        c.mov(__dword_ptr[r11 + 4], ebp);
        c.mov(__dword_ptr[r11 + 8], edx);
        c.add(r10, SlotSize);
        c.add(r11, ResultSize);
        c.dec(r13d);
        c.jne(slot);
        Meet(c, threads);
        if (thread == 0)
        {
            Count(c, program, slots);
        }

        Meet(c, threads);
        c.cmp(__dword_ptr[Last], 0);
        c.jne(end);
        c.dec(r12d);
        c.jne(batch);
        c.Label(ref end);
        c.nop();
    }

    private static void Meet(Assembler c, int threads)
    {
        Label wait = c.CreateLabel();
        Label go = c.CreateLabel();
        c.add(r9, threads);
        c.@lock.inc(__qword_ptr[Barrier]);
        c.Label(ref wait);
        c.cmp(__[Barrier], r9);
        c.jae(go);
        c.pause();
        c.jmp(wait);
        c.Label(ref go);
    }

    /// <summary>0 to 15 turns of an empty loop, by a linear congruential generator.</summary>
    private static void Delay(Assembler c)
    {
        Label again = c.CreateLabel();
        c.mov(rax, 6_364_136_223_846_793_005);
        c.imul(r14, rax);
        c.add(r14, 1_442_695_041);
        c.mov(rcx, r14);
        c.shr(rcx, 60);
        c.inc(ecx);
        c.Label(ref again);
        c.dec(ecx);
        c.jne(again);
    }

    private static void EmitOperation(Assembler c, LitmusOperation operation, LitmusForm form)
    {
        int offset = operation.Variable * Line;
        AssemblerRegister32 register = operation.Register switch { 0 => ebx, 1 => ebp, _ => edx };
        switch (operation.Kind)
        {
            case LitmusKind.Store:
                EmitStore(c, offset, operation.Value, form);
                break;
            case LitmusKind.Load:
                EmitLoad(c, offset, register, form);
                break;
            case LitmusKind.Fence when form == LitmusForm.Vector:
                c.@lock.or(__dword_ptr[rsp], 0);
                break;
            case LitmusKind.Fence when form == LitmusForm.String:
                c.xchg(__dword_ptr[Scratch], eax);
                break;
            case LitmusKind.Fence:
                c.mfence();
                break;
            case LitmusKind.Exchange when form == LitmusForm.Vector:
                Label again = c.CreateLabel();
                c.mov(ecx, operation.Value);
                c.mov(eax, __[r10 + offset]);
                c.Label(ref again);
                c.@lock.cmpxchg(__dword_ptr[r10 + offset], ecx);
                c.jne(again);
                c.mov(register, eax);
                break;
            default:
                c.mov(register, operation.Value);
                c.xchg(__dword_ptr[r10 + offset], register);
                break;
        }
    }

    private static void EmitStore(Assembler c, int offset, int value, LitmusForm form)
    {
        switch (form)
        {
            case LitmusForm.Vector:
                c.movd(__dword_ptr[r10 + offset], Vector(value));
                break;
            case LitmusForm.String or LitmusForm.Repeated:
                c.lea(rdi, __[r10 + offset]);
                c.mov(eax, value);
                if (form == LitmusForm.String)
                {
                    c.stosd();
                }
                else
                {
                    c.mov(ecx, 1);
                    c.rep.stosd();
                }

                break;
            case LitmusForm.Stack:
                c.mov(rsi, rsp);
                c.lea(rsp, __[r10 + offset + 8]);
                c.push(value);
                c.mov(rsp, rsi);
                break;
            default:
                c.mov(__dword_ptr[r10 + offset], value);
                break;
        }
    }

    private static void EmitLoad(Assembler c, int offset, AssemblerRegister32 register, LitmusForm form)
    {
        switch (form)
        {
            case LitmusForm.Vector:
                c.movd(xmm0, __dword_ptr[r10 + offset]);
                c.movd(register, xmm0);
                break;
            case LitmusForm.String or LitmusForm.Repeated:
                c.lea(rsi, __[r10 + offset]);
                if (form == LitmusForm.String)
                {
                    c.lodsd();
                }
                else
                {
                    c.mov(ecx, 1);
                    c.rep.lodsd();
                }

                c.mov(register, eax);
                break;
            case LitmusForm.Stack:
                c.mov(rsi, rsp);
                c.lea(rsp, __[r10 + offset]);
                c.pop(rax);
                c.mov(rsp, rsi);
                c.mov(register, eax);
                break;
            default:
                c.mov(register, __[r10 + offset]);
                break;
        }
    }

    /// <summary>Two bits for each value of an outcome make its number in the table; the variables become zero again.</summary>
    private static void Count(Assembler c, LitmusProgram program, int slots)
    {
        Label next = c.CreateLabel();
        c.mov(r10d, (int)Variables);
        c.mov(r11d, (int)Results);
        c.mov(r13d, slots);
        c.Label(ref next);
        c.xor(eax, eax);
        foreach ((int thread, int number) in program.Observed)
        {
            c.shl(eax, 2);
            c.or(eax, thread < 0 ? __dword_ptr[r10 + (number * Line)] : __dword_ptr[r11 + (thread * ResultStride) + (number * 4)]);
        }

        c.inc(__qword_ptr[(rax * 8) + (int)Outcomes]);
        for (int variable = 0; variable < LitmusProgram.MostVariables; variable++)
        {
            c.mov(__qword_ptr[r10 + (variable * Line)], 0);
        }

        c.add(r10, SlotSize);
        c.add(r11, ResultSize);
        c.dec(r13d);
        c.jne(next);

        // All vCPUs have to agree on which rounds are the last.
        c.mov(eax, __dword_ptr[Stop]);
        c.mov(__dword_ptr[Last], eax);
    }

    private static AssemblerRegisterXMM Vector(int number) => number switch { 1 => xmm1, 2 => xmm2, _ => xmm3 };
}
