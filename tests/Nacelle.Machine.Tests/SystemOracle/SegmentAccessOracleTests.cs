using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Accesses of every kind of instruction at the end of a segment, and code at the end of its own, on KVM and on the translator.</summary>
public sealed class SegmentAccessOracleTests(ITestOutputHelper output)
{
    private const uint Base = (uint)SystemImage.TestFrame;
    private const uint Limit = 0xFFF;
    private const int Writable = 0xF3;
    private const int ReadOnly = 0xF1;
    private const int Wide = 4;

    private static readonly (string Name, int Size, Action<Assembler> Emit)[] s_accesses =
    [
        ("mov read", 4, c => c.mov(eax, __[ebx])),
        ("mov write", 4, c => c.mov(__[ebx], ecx)),
        ("mov of a byte", 1, c => c.mov(__[ebx], cl)),
        ("mov of a word", 2, c => c.mov(ax, __[ebx])),
        ("movzx", 2, c => c.movzx(eax, __word_ptr[ebx])),
        ("add with carry, read", 4, c => c.adc(eax, __[ebx])),
        ("add with carry, write", 4, c => c.adc(__[ebx], ecx)),
        ("conditional move", 4, c => c.cmovb(eax, __[ebx])),
        ("set on condition", 1, c => c.setb(__byte_ptr[ebx])),
        ("compare", 4, c => c.cmp(__dword_ptr[ebx], 5)),
        ("two operands of the block", 8, c => InstructionSequence.Sequence(c, () => c.mov(eax, __[ebx]), () => c.mov(edx, __[ebx + 4]))),
        ("exchange", 4, c => c.xchg(__[ebx], ecx)),
        ("locked exchange and add", 4, c => c.@lock.xadd(__[ebx], ecx)),
        ("locked compare and exchange of 8", 8, c => c.@lock.cmpxchg8b(__[ebx])),
        ("bit test", 4, c => c.bt(__dword_ptr[ebx], 3)),
        ("bit string", 4, c => InstructionSequence.Sequence(c, () => c.sub(ebx, 8), () => c.mov(ecx, 64), () => c.bts(__dword_ptr[ebx], ecx))),
        ("absolute address", 4, c => c.mov(eax, __dword_ptr[0xFFD])),
        ("scaled index", 4, c => InstructionSequence.Sequence(c, () => c.mov(edx, ebx), () => c.and(edx, 3), () => c.sub(ebx, edx), () => c.mov(ecx, __[ebx + edx]))),
        ("16-bit address", 4, c => c.mov(eax, __dword_ptr[bx])),
        ("x87 load of 10", 10, c => c.fld(__tword_ptr[ebx])),
        ("x87 store of 8", 8, c => InstructionSequence.Sequence(c, () => c.fldz(), () => c.fstp(__qword_ptr[ebx]))),
        ("x87 environment", 28, c => c.fnstenv(__[ebx])),
        ("x87 environment load", 28, c => InstructionSequence.Sequence(c, () => c.fldenv(__[ebx]))),
        ("x87 save", 108, c => c.fnsave(__[ebx])),
        ("x87 restore", 108, c => c.frstor(__[ebx])),
        ("x87 control word", 2, c => c.fnstcw(__[ebx])),
        ("MMX", 8, c => c.movq(mm0, __[ebx])),
        ("SSE scalar", 8, c => c.movsd(__[ebx], xmm0)),
        ("SSE unaligned load", 16, c => c.movups(xmm0, __[ebx])),
        ("SSE unaligned store", 16, c => c.movups(__[ebx], xmm0)),
        ("SSE control word", 4, c => c.stmxcsr(__dword_ptr[ebx])),
        ("masked bytes", 8, c => InstructionSequence.Sequence(c, () => c.pcmpeqb(mm1, mm1), () => c.mov(edi, ebx), () => c.maskmovq(mm0, mm1))),
        ("far pointer", 6, c => c.les(eax, __fword_ptr[ebx])),
        ("bounds", 8, c => c.bound(eax, __qword_ptr[ebx])),
        ("table look-up", 1, c => InstructionSequence.Sequence(c, () => c.xor(eax, eax), () => c.xlatb())),
        ("push of memory", 4, c => c.push(__dword_ptr[ebx])),
        ("pop to memory", 4, c => InstructionSequence.Sequence(c, () => c.push(eax), () => c.pop(__dword_ptr[ebx]))),
        ("call through memory", 4, c => c.call(__dword_ptr[ebx])),
        ("jump through memory", 4, c => c.jmp(__dword_ptr[ebx])),
        ("stored selector", 2, c => c.mov(__[ebx], ds)),
        ("stored table", 6, c => c.sidt(__[ebx])),
        ("load string", 4, c => InstructionSequence.Sequence(c, () => c.mov(esi, ebx), () => c.lodsd())),
        ("flush of a line", 1, c => c.clflush(__byte_ptr[ebx])),
        ("address only", 4, c => c.lea(eax, __[ebx])),
        ("prefetch", 4, c => c.prefetcht0(__byte_ptr[ebx])),
    ];

    private static readonly (string Name, int Size, Action<Assembler> Emit)[] s_strings =
    [
        ("store", 4, c => c.stosd()),
        ("scan", 4, c => c.scasd()),
        ("move", 4, c => c.movsd()),
        ("compare", 1, c => c.cmpsb()),
        ("repeated store", 16, c => InstructionSequence.Sequence(c, () => c.mov(ecx, 4), () => c.rep.stosd())),
        ("repeated store of bytes", 5, c => InstructionSequence.Sequence(c, () => c.mov(ecx, 5), () => c.rep.stosb())),
        ("repeated move", 16, c => InstructionSequence.Sequence(c, () => c.mov(ecx, 4), () => c.rep.movsd())),
        ("repeated move backwards", 4, c => InstructionSequence.Sequence(c, () => c.mov(ecx, 4), () => c.std(), () => c.rep.movsd(), () => c.cld())),
        ("repeated compare", 8, c => InstructionSequence.Sequence(c, () => c.mov(ecx, 8), () => c.repe.cmpsb())),
        ("repeated scan", 8, c => InstructionSequence.Sequence(c, () => c.mov(ecx, 2), () => c.mov(eax, 1), () => c.repne.scasd())),
    ];

    private static readonly (string Name, int Above, int Below, Action<Assembler> Emit)[] s_stacks =
    [
        ("push", 0, 4, c => c.push(eax)),
        ("push of a word", 0, 2, c => c.push(ax)),
        ("push of a constant", 0, 4, c => c.push(5)),
        ("push of a selector", 0, 4, c => c.push(ds)),
        ("push of all", 0, 32, c => c.pushad()),
        ("push of flags", 0, 4, c => c.pushfd()),
        ("pop", 4, 0, c => c.pop(eax)),
        ("pop of all", 32, 0, c => c.popad()),
        ("pop of flags", 4, 0, c => c.popfd()),
        ("pop of a selector", 4, 0, c => c.pop(es)),
        ("call and return", 0, 4, c => Call(c)),
        ("call through a register", 0, 4, c => CallRegister(c)),
        ("return", 4, 0, c => c.ret()),
        ("return from far", 8, 0, c => c.retf()),
        ("leave", 4, 0, c => InstructionSequence.Sequence(c, () => c.mov(ebp, esp), () => c.leave())),
        ("enter", 0, 20, c => c.enter(16, 0)),
        ("enter with levels", 0, 28, c => InstructionSequence.Sequence(c, () => c.lea(ebp, __[esp + 16]), () => c.enter(12, 3))),
        ("local", 8, 0, c => c.cmp(__dword_ptr[esp + 4], eax)),
        ("local by EBP", 8, 0, c => InstructionSequence.Sequence(c, () => c.mov(ebp, esp), () => c.mov(__[ebp + 4], eax))),
        ("several pushes", 0, 12, c => InstructionSequence.Sequence(c, () => c.push(eax), () => c.push(ecx), () => c.push(edx))),
    ];

    /// <summary>Each access where it fits, where it crosses the limit by a byte, and where there is nothing.</summary>
    [Fact]
    public void Accesses_at_the_end_of_a_data_segment()
    {
        SystemImage image = new(ImageMode.Protected);
        int writable = image.AddDescriptor(SystemImage.Segment(Base, Limit, Writable, Wide)) | 3;
        int readOnly = image.AddDescriptor(SystemImage.Segment(Base, Limit, ReadOnly, Wide)) | 3;
        foreach ((string name, int size, Action<Assembler> emit) in s_accesses)
        {
            foreach ((string kind, int selector, uint offset) in ((string, int, uint)[])
            [
                ("inside", writable, Limit + 1 - (uint)size),
                ("across the end", writable, Limit + 2 - (uint)size),
                ("beyond the end", writable, Limit + 0x801),
                ("read-only", readOnly, 0x100),
                ("null selector", 0, 0x100),
            ])
            {
                image.TryAsUser($"{name}, {kind}", c =>
                {
                    c.mov(eax, selector);
                    c.mov(ds, eax);
                    c.mov(ebx, offset);
                    c.xor(edx, edx);
                    c.mov(ecx, 1);
                    c.xor(eax, eax);
                    c.stc();
                    emit(c);
                });
            }
        }

        const string unknown = "a KVM that emulates user code raises #UD for what its emulator does not know; asserted below";
        string[] names = ["x87 load of 10", "x87 store", "x87 environment", "x87 save", "x87 restore", "SSE scalar", "SSE control word", "masked bytes", "bounds"];
        string[] writing = ["x87 store of 8,", "x87 environment,", "x87 save,", "SSE scalar,", "SSE control word,", "masked bytes,"];
        image.Compare(output, 75, [.. names.Select(name => (name, unknown))]);

        // What the manual says of those (SDM volume 3, 5.3 to 5.5).
        IReadOnlyList<ulong[]> records = image.RunOnTranslator().Records;
        for (int i = 0; i < image.Names.Count; i++)
        {
            string name = image.Names[i];
            if (names.Any(known => name.StartsWith(known, StringComparison.Ordinal)))
            {
                bool allowed = name.EndsWith("inside", StringComparison.Ordinal)
                    || (name.EndsWith("read-only", StringComparison.Ordinal) && !writing.Any(known => name.StartsWith(known, StringComparison.Ordinal)));
                Assert.True(allowed ? records[i][0] == 6 : records[i][0] == 13 && records[i][1] == 0, $"{name}: {SystemImage.Describe(records[i])}");
            }
        }
    }

    [Fact]
    public void Strings_at_the_end_of_a_segment()
    {
        SystemImage image = new(ImageMode.Protected);
        int limited = image.AddDescriptor(SystemImage.Segment(Base, Limit, Writable, Wide)) | 3;
        int readOnly = image.AddDescriptor(SystemImage.Segment(Base, Limit, ReadOnly, Wide)) | 3;
        foreach ((string name, int size, Action<Assembler> emit) in s_strings)
        {
            foreach ((string kind, int source, int destination, uint from, uint to) in ((string, int, int, uint, uint)[])
            [
                ("inside", limited, limited, 0x20, Limit + 1 - (uint)size),
                ("destination across the end", SystemImage.UserData, limited, (uint)SystemImage.UserArea, Limit + 2 - (uint)size),
                ("destination ends half-way", SystemImage.UserData, limited, (uint)SystemImage.UserArea, Limit + 1 - ((uint)size / 2)),
                ("source across the end", limited, SystemImage.UserData, Limit + 2 - (uint)size, (uint)SystemImage.UserArea + 0x18_0000),
                ("source ends half-way", limited, SystemImage.UserData, Limit + 1 - ((uint)size / 2), (uint)SystemImage.UserArea + 0x18_0000),
                ("read-only destination", SystemImage.UserData, readOnly, (uint)SystemImage.UserArea, 0x40),
                ("no destination", SystemImage.UserData, 0, (uint)SystemImage.UserArea, 0x40),
                ("no source", 0, SystemImage.UserData, 0x40, (uint)SystemImage.UserArea + 0x18_0000),
            ])
            {
                image.TryAsUser($"{name}, {kind}", c =>
                {
                    c.mov(eax, source);
                    c.mov(ds, eax);
                    c.mov(eax, destination);
                    c.mov(es, eax);
                    c.mov(esi, from);
                    c.mov(edi, to);
                    c.xor(eax, eax);
                    emit(c);
                    c.lea(eax, __[esi + edi]);
                    c.mov(edx, ecx);
                });
            }
        }

        image.Compare(output, 95);
    }

    [Fact]
    public void Stacks_at_their_end()
    {
        SystemImage image = new(ImageMode.Protected);
        int up = image.AddDescriptor(SystemImage.Segment(Base, Limit, Writable, Wide)) | 3;
        int down = image.AddDescriptor(SystemImage.Segment(Base, Limit, 0xF7, Wide)) | 3;
        int narrow = image.AddDescriptor(SystemImage.Segment(Base, 0xFFFF, Writable, 0)) | 3;
        foreach ((string name, int above, int below, Action<Assembler> emit) in s_stacks)
        {
            foreach ((string kind, int selector, uint pointer) in ((string, int, uint)[])
            [
                ("at the top", up, Limit + 1 - (uint)above),
                ("one above", up, Limit + 2 - (uint)above),
                ("at the bottom", up, (uint)below),
                ("one below", up, (uint)below - 1),
                ("far above", up, Limit + 0x1001),
                ("expand-down, lowest", down, Limit + 1 + (uint)below),
                ("expand-down, below", down, Limit + (uint)below),
                ("16-bit, wrapped", narrow, 0x1_0000),
                ("16-bit, across the end", narrow, (uint)below - 1),
                ("16-bit, top", narrow, 0x1_0000 - (uint)above),
                ("16-bit, one above", narrow, 0x1_0001 - (uint)above),
            ])
            {
                image.TryAsUser($"{name}, {kind}", c =>
                {
                    c.mov(eax, selector);
                    c.mov(ss, eax);
                    c.mov(esp, pointer);
                    c.mov(ebp, pointer);
                    c.mov(eax, 0x202);
                    emit(c);
                });
            }
        }

        const string enter = "KVM's emulator takes another size and does not probe";
        const string selector32 = "processors differ in whether the upper half of a selector's place is touched (SDM volume 2, PUSH)";
        image.Compare(output, 85, ("enter", enter), ("push of a selector", selector32), ("pop of a selector", selector32));
        IReadOnlyList<ulong[]> records = image.RunOnTranslator().Records;
        for (int i = 0; i < image.Names.Count; i++)
        {
            string name = image.Names[i];
            if (name.StartsWith("enter", StringComparison.Ordinal) && !name.Contains("level", StringComparison.Ordinal))
            {
                bool refused = name.Contains("above", StringComparison.Ordinal) || name.Contains("below", StringComparison.Ordinal)
                    || name.Contains("across", StringComparison.Ordinal);
                Assert.True(refused ? records[i][0] == 12 && records[i][1] == 0 : records[i][0] == 6, $"{name}: {SystemImage.Describe(records[i])}");
            }
        }
    }

    /// <summary>Code that falls off the end of its segment, straddles it, and branches beyond it.</summary>
    [Fact]
    public void Code_at_the_end_of_its_segment()
    {
        SystemImage image = new(ImageMode.Protected);
        const uint size = 0x40;
        (string Name, bool Narrow, Action<Assembler> Emit, bool AtEnd)[] programs =
        [
            ("falls off the end", false, c => c.nop(), true),
            ("straddles the end", false, c => c.mov(eax, 0x12345678), false),
            ("jumps beyond", false, c => c.jmp(size + 0x10), true),
            ("jumps to the last byte", false, c => c.jmp(size - 1), true),
            ("jumps on a condition beyond", false, c => InstructionSequence.Sequence(c, () => c.xor(eax, eax), () => c.je(size + 0x200)), true),
            ("does not jump on a condition beyond", false, c => InstructionSequence.Sequence(c, () => c.or(eax, 1), () => c.je(size + 0x200), () => c.ud2()), true),
            ("jumps on overflow beyond", false, c => InstructionSequence.Sequence(c, () => c.mov(eax, 0x7FFF_FFFF), () => c.inc(eax), () => c.jo(size + 0x200)), true),
            ("calls beyond", false, c => c.call(size + 0x100), true),
            ("jumps through a register beyond", false, c => InstructionSequence.Sequence(c, () => c.mov(eax, size), () => c.jmp(eax)), true),
            ("calls through a register beyond", false, c => InstructionSequence.Sequence(c, () => c.mov(eax, size + 5), () => c.call(eax)), true),
            ("returns beyond", false, c => InstructionSequence.Sequence(c, () => c.push(0x1000), () => c.ret()), true),
            ("returns inside", false, c => InstructionSequence.Sequence(c, () => c.push(size - 1), () => c.ret()), true),
            ("loops beyond", false, c => InstructionSequence.Sequence(c, () => c.mov(ecx, 2), () => c.loop(size + 0x10)), true),
            ("reads its own code", false, c => InstructionSequence.Sequence(c, () => c.mov(eax, __dword_ptr.cs[size - 4]), () => c.ud2()), true),
            ("reads beyond its own code", false, c => InstructionSequence.Sequence(c, () => c.mov(eax, __dword_ptr.cs[size - 3]), () => c.ud2()), true),
            ("16-bit code falls off the end", true, c => c.nop(), true),
            ("16-bit code jumps beyond", true, c => c.jmp(size + 0x10), true),
            ("16-bit code returns beyond", true, c => InstructionSequence.Sequence(c, () => c.push((short)0x1000), () => c.ret()), true),
            ("16-bit code calls through a register beyond", true, c => InstructionSequence.Sequence(c, () => c.mov(ax, (short)(size + 5)), () => c.call(ax)), true),
        ];
        uint place = (uint)SystemImage.UserArea + 0x18_0000;
        foreach ((string name, bool narrow, Action<Assembler> emit, bool atEnd) in programs)
        {
            foreach (bool readable in (bool[])[true, false])
            {
                // Two limits over the same code: what was translated under one must not serve the other.
                foreach (uint limit in (uint[])[size - 1, 0xFFFF])
                {
                    int selector = image.AddDescriptor(SystemImage.Segment(place, limit, readable ? 0xFB : 0xF9, narrow ? 0 : 4)) | 3;
                    image.TryAsUser($"{name}, limit {limit:x}{(readable ? "" : ", execute-only")}", c =>
                    {
                        c.xor(eax, eax);
                        c.xor(edx, edx);
                        c.db(0xEA, 0, 0, 0, 0, (byte)selector, (byte)(selector >> 8));
                    });
                }
            }

            byte[] code = Assemble(emit, narrow ? 16 : 32);
            byte[] segment = new byte[size * 2];
            segment.AsSpan().Fill(0x90);
            segment[^2] = 0x0F;
            segment[^1] = 0x0B;
            byte[] lead = atEnd ? code : [0xEB, (byte)(size - 4), .. new byte[size - 4]];
            lead.CopyTo(segment, 0);
            if (!atEnd)
            {
                code.CopyTo(segment, (int)size - 2);
            }

            image.Write(place, segment);
            image.Write(place + 0x1000, 0x0B, 0x0F, 0x0F, 0x0B);
            place += 0x2000;
        }

        image.Compare(output, 95);
    }

    private static byte[] Assemble(Action<Assembler> emit, int bitness)
    {
        Assembler assembler = new(bitness);
        emit(assembler);
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    private static void Call(Assembler c)
    {
        Label target = c.CreateLabel();
        Label end = c.CreateLabel();
        c.call(target);
        c.jmp(end);
        c.Label(ref target);
        c.ret();
        c.Label(ref end);
    }

    private static void CallRegister(Assembler c)
    {
        c.mov(ecx, (uint)SystemImage.UserArea);
        c.call(ecx);
    }
}
