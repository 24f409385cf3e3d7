using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>
/// The process in which sequences run natively: machine code in an ELF file of its own, so that nothing a sequence does can
/// harm the test. It maps the data pages at their addresses, takes batches of states from memory shared with the test, runs
/// each and leaves the state after it. From the first batch on it may only read, write and end (seccomp).
/// </summary>
/// <remarks>Descriptors: 3 commands (a byte a batch), 4 answers, 5 the shared memory, 6 the guest's RAM with the code.</remarks>
internal static class NativeProgram
{
    /// <summary>Where the shared memory is in the process: not where shifted numbers are likely to lead.</summary>
    public const ulong Shared = 0x5A3C_A174_D000;

    /// <summary>Offset in the shared memory of the number of sequences in the batch.</summary>
    public const int CountOffset = 0;

    /// <summary>Offset of the features that XSAVE and XRSTOR are asked for.</summary>
    public const int FeaturesOffset = 8;

    /// <summary>Offset of the address of the entry being run.</summary>
    public const int EntryOffset = 16;

    /// <summary>Offset of what the read-only page holds.</summary>
    public const int ReadOnlyOffset = 0x1000;

    /// <summary>Offset of what the writable pages hold before each run.</summary>
    public const int TemplateOffset = 0x2000;

    /// <summary>Offset of the first entry.</summary>
    public const int EntriesOffset = 0x2_0000;

    /// <summary>Bytes of an entry: the state before, the state after, the memory after.</summary>
    public const int EntrySize = 0x2000 + OracleLayout.SnapshotSize;

    /// <summary>Most entries of a batch.</summary>
    public const int MostEntries = 64;

    /// <summary>Bytes of the shared memory.</summary>
    public const int SharedSize = EntriesOffset + (MostEntries * EntrySize);

    private const ulong ProgramBase = 0x5A3C_9174_D000;
    // Linux's selectors of user segments.
    private const int UserData = 0x2B;
    private const long UserCode32 = 0x23;
    private const int UserCode64 = 0x33;
    private const int RunningOffset = 24;
    private const int LastEntryOffset = 32;
    private const int StackOffset = 40;
    private const int TargetOffset = 48;
    private const int CommandOffset = 56;
    private const int IndexOffset = 64;
    private const int ImageOffset = 256;
    private const int StructureOffset = 512;
    private const int SignalStackOffset = 0x1_0000;
    private const int SignalStackSize = 0x1_0000;
    private const int ImageAfter = 0x1000;
    private const int MemoryAfter = 0x2000;

    /// <summary>Puts the file together.</summary>
    /// <param name="codeFileOffset">Where the sequences are in the guest's RAM.</param>
    /// <param name="edgeFileOffset">Where those before missing pages are.</param>
    /// <param name="bitness">Width of the sequences' code: 64, or 32 for compatibility mode.</param>
    public static byte[] Build(long codeFileOffset, long edgeFileOffset, int bitness)
    {
        Assembler assembler = new(64);
        Label exit = assembler.CreateLabel();
        Emit(assembler, ref exit, codeFileOffset, edgeFileOffset, bitness == 32);
        using MemoryStream code = new();
        AssemblerResult result = assembler.Assemble(
            new StreamCodeWriter(code), ProgramBase, BlockEncoderOptions.ReturnNewInstructionOffsets);
        ulong exitAddress = result.GetLabelRIP(exit);

        // jmp [rip + …] and the address, aligned because RFLAGS.AC may be set; 32-bit code goes there by jmp 33h:address.
        const int farJumpSize = 7;
        const int jumpSize = 6;
        byte[] far = bitness == 32 ? [0xEA, .. BitConverter.GetBytes((uint)OracleLayout.Gateway + farJumpSize), 0x33, 0] : [];
        byte padding = (byte)(-(far.Length + jumpSize) & (sizeof(ulong) - 1));
        byte[] gateway = [.. far, 0xFF, 0x25, padding, 0, 0, 0, .. new byte[padding], .. BitConverter.GetBytes(exitAddress)];
        return ElfFile.Build(ProgramBase, code.ToArray(), OracleLayout.Gateway, gateway);
    }

    private static void Emit(Assembler c, ref Label exit, long codeFileOffset, long edgeFileOffset, bool is32)
    {
        Label finish = c.CreateLabel();
        Label handler = c.CreateLabel();
        Label restorer = c.CreateLabel();
        EmitSetUp(c, handler, restorer, codeFileOffset, edgeFileOffset);
        EmitLoop(c, ref finish, ref exit, is32);
        EmitHandler(c, ref handler, ref restorer, finish);
    }

    private static void EmitSetUp(Assembler c, Label handler, Label restorer, long codeFileOffset, long edgeFileOffset)
    {
        const int sharedFixed = 0x11;
        const int privateFixed = 0x32;
        Map(c, Shared, SharedSize, 3, sharedFixed, 5, 0);
        Map(c, OracleLayout.CodeBase, OracleLayout.CodeSize, 5, sharedFixed, 6, codeFileOffset);
        Map(c, OracleLayout.EdgeBase, OracleLayout.EdgeSize, 5, sharedFixed, 6, edgeFileOffset);
        UnmapEveryOtherPage(c);
        foreach ((int offset, _, int length) in OracleLayout.Writable)
        {
            Map(c, OracleLayout.DataBase + (ulong)offset, length, 3, privateFixed, -1, 0);
        }

        const ulong readOnly = OracleLayout.DataBase + OracleLayout.ReadOnlyPage;
        Map(c, readOnly, 4096, 3, privateFixed, -1, 0);
        c.mov(rsi, Shared + ReadOnlyOffset);
        c.mov(rdi, readOnly);
        c.mov(ecx, 512);
        c.rep.movsq();

        // mprotect(page, 4096, PROT_READ).
        c.mov(rdi, readOnly);
        c.mov(esi, 4096);
        c.mov(edx, 1);
        c.mov(eax, 10);
        c.syscall();

        // sigaltstack.
        c.mov(rdi, Shared + StructureOffset);
        c.mov(rax, Shared + SignalStackOffset);
        c.mov(__[rdi], rax);
        c.mov(__dword_ptr[rdi + 8], 0);
        c.mov(__qword_ptr[rdi + 16], SignalStackSize);
        c.xor(esi, esi);
        c.mov(eax, 131);
        c.syscall();

        // SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGVTALRM.
        foreach (int signal in (int[])[4, 5, 7, 8, 11, 26])
        {
            // SA_SIGINFO, SA_RESTORER, SA_ONSTACK, SA_RESTART.
            const int flags = 4 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000;
            c.mov(rsi, Shared + StructureOffset);
            c.lea(rax, __[handler]);
            c.mov(__[rsi], rax);
            c.mov(__qword_ptr[rsi + 8], flags);
            c.lea(rax, __[restorer]);
            c.mov(__[rsi + 16], rax);
            c.mov(__qword_ptr[rsi + 24], 0);
            c.mov(edi, signal);
            c.xor(edx, edx);
            c.mov(r10d, 8);
            c.mov(eax, 13);
            c.syscall();
        }

        // setitimer(ITIMER_VIRTUAL, every 4 ms of the program's own time).
        c.mov(rsi, Shared + StructureOffset);
        c.mov(__qword_ptr[rsi], 0);
        c.mov(__qword_ptr[rsi + 8], 4_000);
        c.mov(__qword_ptr[rsi + 16], 0);
        c.mov(__qword_ptr[rsi + 24], 4_000);
        c.mov(edi, 1);
        c.xor(edx, edx);
        c.mov(eax, 38);
        c.syscall();

        // prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT).
        c.mov(edi, 22);
        c.mov(esi, 1);
        c.mov(eax, 157);
        c.syscall();
    }

    private static void UnmapEveryOtherPage(Assembler c)
    {
        const int pages = OracleLayout.EdgeSize / 0x2000;
        Label next = c.CreateLabel();
        c.mov(rbx, OracleLayout.EdgeBase + 0x1000);
        c.mov(r12d, pages);
        c.Label(ref next);
        c.mov(rdi, rbx);
        c.mov(esi, 4096);
        c.mov(eax, 11);
        c.syscall();
        c.add(rbx, 0x2000);
        c.dec(r12d);
        c.jne(next);
    }

    private static void Map(Assembler c, ulong address, long length, int protection, int flags, int descriptor, long offset)
    {
        c.mov(rdi, address);
        c.mov(rsi, length);
        c.mov(edx, protection);
        c.mov(r10d, flags);
        c.mov(r8, (long)descriptor);
        c.mov(r9, offset);
        c.mov(eax, 9);
        c.syscall();
    }

    private static void EmitLoop(Assembler c, ref Label finish, ref Label exit, bool is32)
    {
        SharedWords w = new(c);
        Label next = c.CreateLabel();
        Label batch = c.CreateLabel();
        Label go = c.CreateLabel();
        Label answer = c.CreateLabel();
        c.Label(ref batch);
        c.mov(edi, 3);
        c.mov(rsi, Shared + CommandOffset);
        c.mov(edx, 1);
        c.xor(eax, eax);
        c.syscall();
        c.cmp(rax, 1);
        c.je(go);

        // exit(0): the test has closed its end.
        c.xor(edi, edi);
        c.mov(eax, 60);
        c.syscall();
        c.Label(ref go);
        w.Store(IndexOffset, 0);
        c.mov(rbx, Shared + EntriesOffset);

        c.Label(ref next);
        w.Load(rax, IndexOffset);
        w.Compare(rax, CountOffset);
        c.jae(answer);
        w.Store(EntryOffset, rbx);
        w.Store(LastEntryOffset, 0);
        CopyMemory(c, toTemplate: false);
        if (is32)
        {
            c.mov(eax, UserData);
            c.mov(ds, eax);
            c.mov(es, eax);
            c.mov(fs, eax);
            c.mov(gs, eax);
        }

        c.mov(rax, __[rbx + ProcessorImage.FsBaseOffset]);
        c.wrfsbase(rax);
        c.mov(rax, __[rbx + ProcessorImage.GsBaseOffset]);
        c.wrgsbase(rax);
        w.Load(rax, FeaturesOffset);
        c.xor(edx, edx);
        c.xrstor64(__[rbx + ProcessorImage.ExtendedStateOffset]);
        c.mov(rax, __[rbx + ProcessorImage.RipOffset]);
        if (is32)
        {
            c.mov(rcx, UserCode32 << 32);
            c.or(rax, rcx);
        }

        w.Store(TargetOffset, rax);
        w.Store(StackOffset, rsp);
        c.push(__qword_ptr[rbx + ProcessorImage.FlagsOffset]);
        w.Store(RunningOffset, 1);
        c.popfq();
        for (int i = 0; i < 16; i++)
        {
            if (i != 3)
            {
                c.mov(Register64(i), __[rbx + (i * 8)]);
            }
        }

        c.mov(rbx, __[rbx + 24]);
        if (is32)
        {
            w.JumpFar(TargetOffset);
        }
        else
        {
            w.Jump(TargetOffset);
        }

        // From the gateway.
        c.Label(ref exit);
        for (int i = 0; i < 16; i++)
        {
            w.Store(ImageOffset + (i * 8), Register64(i));
        }

        w.Load(rsp, StackOffset);
        c.pushfq();
        w.Pop(ImageOffset + ProcessorImage.FlagsOffset);
        w.Store(RunningOffset, 0);
        c.push(0x202);
        c.popfq();
        w.Load(rbx, EntryOffset);
        c.mov(rax, OracleLayout.Gateway);
        w.Store(ImageOffset + ProcessorImage.RipOffset, rax);
        c.rdfsbase(rax);
        w.Store(ImageOffset + ProcessorImage.FsBaseOffset, rax);
        c.rdgsbase(rax);
        w.Store(ImageOffset + ProcessorImage.GsBaseOffset, rax);
        w.Store(ImageOffset + ProcessorImage.VectorOffset, 0);
        w.Store(ImageOffset + ProcessorImage.ErrorCodeOffset, 0);
        w.Store(ImageOffset + ProcessorImage.FaultAddressOffset, 0);
        w.Store(ImageOffset + ProcessorImage.EndingOffset, (int)Ending.Finished);
        c.mov(rsi, Shared + ImageOffset);
        c.lea(rdi, __[rbx + ImageAfter]);
        c.mov(ecx, (ProcessorImage.EndingOffset / 8) + 1);
        c.rep.movsq();
        w.Load(rax, FeaturesOffset);
        c.xor(edx, edx);
        c.xsave64(__[rbx + ImageAfter + ProcessorImage.ExtendedStateOffset]);

        c.Label(ref finish);
        w.Load(rbx, EntryOffset);
        CopyMemory(c, toTemplate: true);
        w.Increment(IndexOffset);
        c.add(rbx, EntrySize);
        c.jmp(next);

        c.Label(ref answer);
        c.mov(edi, 4);
        c.mov(rsi, Shared + CommandOffset);
        c.mov(edx, 1);
        c.mov(eax, 1);
        c.syscall();
        c.jmp(batch);
    }

    /// <summary>Puts the writable pages into their first state, or copies what has become of them into the entry at RBX.</summary>
    private static void CopyMemory(Assembler c, bool toTemplate)
    {
        foreach ((int offset, int inSnapshot, int length) in OracleLayout.Writable)
        {
            if (toTemplate)
            {
                c.mov(rsi, OracleLayout.DataBase + (ulong)offset);
                c.lea(rdi, __[rbx + MemoryAfter + inSnapshot]);
            }
            else
            {
                c.mov(rdi, OracleLayout.DataBase + (ulong)offset);
                c.mov(rsi, Shared + (ulong)(TemplateOffset + inSnapshot));
            }

            c.mov(ecx, length / 8);
            c.rep.movsq();
        }
    }

    /// <summary>handler(signal EDI, information RSI, context RDX): leaves what the program was in, and goes on after it.</summary>
    private static void EmitHandler(Assembler c, ref Label handler, ref Label restorer, Label finish)
    {
        // General registers in a signal's context begin at 40, in this order (System V ABI, <sys/ucontext.h>).
        int[] order = [8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 3, 2, 0, 1, 4];
        const int saved = 40;
        SharedWords w = new(c);
        Label notRunning = c.CreateLabel();
        Label tick = c.CreateLabel();
        Label record = c.CreateLabel();
        Label done = c.CreateLabel();
        c.Label(ref handler);
        w.CompareZero(RunningOffset);
        c.je(notRunning);
        c.mov(r9d, (int)Ending.Fault);
        c.cmp(edi, 26);
        c.je(tick);

        c.Label(ref record);
        w.Load(rbx, EntryOffset);
        c.add(rbx, ImageAfter);
        c.mov(__[rbx + ProcessorImage.EndingOffset], r9);
        for (int i = 0; i < 16; i++)
        {
            Copy(c, saved + (i * 8), order[i] * 8);
        }

        Copy(c, saved + (16 * 8), ProcessorImage.RipOffset);
        Copy(c, saved + (17 * 8), ProcessorImage.FlagsOffset);
        Copy(c, saved + (19 * 8), ProcessorImage.ErrorCodeOffset);
        Copy(c, saved + (20 * 8), ProcessorImage.VectorOffset);
        Copy(c, saved + (22 * 8), ProcessorImage.FaultAddressOffset);
        c.rdfsbase(rax);
        c.mov(__[rbx + ProcessorImage.FsBaseOffset], rax);
        c.rdgsbase(rax);
        c.mov(__[rbx + ProcessorImage.GsBaseOffset], rax);
        c.mov(rsi, __[rdx + saved + (23 * 8)]);
        c.lea(rdi, __[rbx + ProcessorImage.ExtendedStateOffset]);
        c.mov(ecx, ProcessorImage.ExtendedStateSize / 8);
        c.rep.movsq();
        w.Store(RunningOffset, 0);
        c.lea(rax, __[finish]);
        c.mov(__[rdx + saved + (16 * 8)], rax);
        w.Load(rax, StackOffset);
        c.mov(__[rdx + saved + (15 * 8)], rax);
        c.mov(__qword_ptr[rdx + saved + (17 * 8)], 0x202);
        c.mov(__word_ptr[rdx + saved + (18 * 8)], UserCode64);
        c.ret();

        // The second tick in one sequence ends it.
        c.Label(ref tick);
        c.mov(r9d, (int)Ending.TimedOut);
        w.Load(rax, EntryOffset);
        w.Compare(rax, LastEntryOffset);
        c.je(record);
        w.Store(LastEntryOffset, rax);
        c.ret();

        c.Label(ref notRunning);
        c.cmp(edi, 26);
        c.je(done);
        c.mov(eax, 60);
        c.syscall();
        c.Label(ref done);
        c.ret();

        c.Label(ref restorer);
        c.mov(eax, 15);
        c.syscall();
    }

    private static void Copy(Assembler c, int from, int to)
    {
        c.mov(rax, __[rdx + from]);
        c.mov(__[rbx + to], rax);
    }

    private static AssemblerRegister64 Register64(int number) => new(Register.RAX + number);
}
