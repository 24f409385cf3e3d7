using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Nacelle.Machine.Tests.SystemOracle.InstructionSequence;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Exceptions and fast system calls, on KVM and on the translator.</summary>
public sealed class ExceptionOracleTests(ITestOutputHelper output)
{
    private const string NoInterrupts = "a KVM that runs guests without hardware virtualisation may not know INT n, and raises #UD";
    private const string Native = "a KVM that runs user code without hardware virtualisation runs it with the host's own control registers";
    private static readonly (string Begin, string Reason)[] s_noInterrupts =
    [
        ("int ", NoInterrupts),
        ("int1", "such a KVM reports INT1 as a fault; it is a trap (SDM volume 3, table 6-1)"),
        ("mov from cr1", "such a KVM raises #GP as for any MOV of a control register; there is no CR1, and the host itself raises #UD"),
        ("xsetbv", Native),
        ("popf with I/O privilege", Native),
        ("jump to non-canonical memory", "the translator raises #GP after the branch (docs/translator.md)"),
        ("alignment check", "the translator raises no #AC (docs/translator.md), and " + Native),
        ("I/O privilege", Native),
    ];

    private static readonly (string Begin, string Reason)[] s_emulated =
    [
        .. s_noInterrupts,
        .. ((string[])["int3", "x87 error", "SIMD error", "into", "bound", "arpl"]).Select(
            name => (name, "such a KVM runs protected mode without paging in its emulator, which does not know it, and raises #UD")),
        ("swapgs", "such a KVM raises #GP; outside 64-bit mode there is no SWAPGS (SDM volume 2)"),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Exceptions_of_user_instructions(bool isLong)
    {
        SystemImage image = new(isLong ? ImageMode.Long : ImageMode.Protected);
        image.SetGate(0x81, SystemImage.HandlerOf(0x81), 0x6E);
        image.SetGate(0x82, SystemImage.HandlerOf(0x82), 0xEE, SystemImage.UserCode);
        image.SetGate(0x83, SystemImage.HandlerOf(0x83), 0xEE, 0);
        image.SetGate(0x84, SystemImage.HandlerOf(0x84), 0xEE, SystemImage.KernelData);
        image.SetGate(0x85, SystemImage.HandlerOf(0x85), 0xEF);
        image.SetGate(0x86, SystemImage.HandlerOf(0x86), 0xE0);
        image.SetGate(0x87, SystemImage.HandlerOf(0x87), 0xEE, 0xF00);
        image.SetGate(0x88, SystemImage.HandlerOf(0x88), 0x6E, SystemImage.KernelCode);
        image.SetGate(3, SystemImage.HandlerOf(3), 0xEE);
        image.SetGate(4, SystemImage.HandlerOf(4), 0xEE);
        Dictionary<string, Action<Assembler>> attempts = new()
        {
            ["div by zero"] = c => Sequence(c, () => c.xor(ecx, ecx), () => c.div(ecx)),
            ["idiv overflow"] = c => Sequence(c, () => c.mov(eax, int.MinValue), () => c.cdq(), () => c.mov(ecx, -1), () => c.idiv(ecx)),
            ["int3"] = c => c.int3(),
            ["int 3"] = c => c.db(0xCD, 3),
            ["int 4"] = c => c.@int(4),
            ["int1"] = c => c.int1(),
            ["int 1"] = c => c.@int(1),
            ["int 13"] = c => c.@int(13),
            ["int 14"] = c => c.@int(14),
            ["int 0x81, absent"] = c => c.@int(0x81),
            ["int 0x82, to user code"] = c => c.@int(0x82),
            ["int 0x83, to null"] = c => c.@int(0x83),
            ["int 0x84, to data"] = c => c.@int(0x84),
            ["int 0x85, trap gate"] = c => c.@int(0x85),
            ["int 0x86, no gate"] = c => c.@int(0x86),
            ["int 0x87, beyond the table"] = c => c.@int(0x87),
            ["int 0x88, supervisor's and absent"] = c => c.@int(0x88),
            ["int 0x89, supervisor's"] = c => c.@int(0x89),
            ["ud2"] = c => c.ud2(),
            ["hlt"] = c => c.hlt(),
            ["cli"] = c => c.cli(),
            ["sti"] = c => c.sti(),
            ["in"] = c => c.@in(al, 0x60),
            ["out dx"] = c => c.@out(dx, al),
            ["mov from cr0"] = c => c.db(0x0F, 0x20, 0xC0),
            ["mov to cr3"] = c => c.db(0x0F, 0x22, 0xD8),
            ["mov from dr7"] = c => c.db(0x0F, 0x21, 0xF8),
            ["mov from cr1"] = c => c.db(0x0F, 0x20, 0xC8),
            ["lgdt"] = c => c.lgdt(__[SystemImage.UserArea + 0x1000]),
            ["ltr"] = c => c.ltr(cx),
            ["lldt"] = c => c.lldt(cx),
            ["clts"] = c => c.clts(),
            ["invd"] = c => c.invd(),
            ["wbinvd"] = c => c.wbinvd(),
            ["invlpg"] = c => c.invlpg(__[SystemImage.UserArea]),
            ["rdmsr"] = c => c.rdmsr(),
            ["wrmsr"] = c => c.wrmsr(),
            ["lmsw"] = c => c.lmsw(ax),
            ["swapgs"] = c => c.db(0x0F, 0x01, 0xF8),
            ["sysexit"] = c => c.sysexit(),
            ["rsm"] = c => c.rsm(),
            ["xsetbv"] = c => c.db(0x0F, 0x01, 0xD1),
            ["read of supervisor memory"] = c => c.mov(eax, __[SystemImage.DescriptorTable]),
            ["write to supervisor memory"] = c => c.mov(__[SystemImage.DescriptorTable], eax),
            ["popf with I/O privilege"] = c => Sequence(c, () => c.push(0x3202), () => Pop(c, isLong), () => Push(c, isLong), () => PopRegister(c, isLong)),
            ["an instruction of 16 bytes"] = c => c.db(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90, 0x90),
            ["an instruction that is too long"] = c => c.db([.. Enumerable.Repeat((byte)0x66, 15), 0x90]),
            ["lock nop"] = c => c.db(0xF0, 0x90),
            ["lock add of a register"] = c => c.db(0xF0, 0x01, 0xC0),
            ["single step by popf"] = c => Sequence(c, () => c.push(0x102), () => Pop(c, isLong), () => c.nop(), () => c.nop()),
            ["x87 error"] = c => Sequence(c, () => c.fninit(), () => c.push(0x0360), () => c.fldcw(isLong ? __word_ptr[rsp] : __word_ptr[esp]), () => c.fldz(), () => c.fldz(), () => c.fdivp(st1, st0), () => c.wait(), () => c.nop()),
            ["SIMD error"] = c => Sequence(c, () => c.push(0), () => c.ldmxcsr(isLong ? __dword_ptr[rsp] : __dword_ptr[esp]), () => c.xorps(xmm0, xmm0), () => c.divps(xmm0, xmm0)),
            ["movaps misaligned"] = c => c.movaps(xmm0, __xmmword_ptr[SystemImage.UserArea + 0x1008]),
        };
        if (isLong)
        {
            attempts["read of non-canonical memory"] = c => Sequence(c, () => c.mov(rbx, 0x8000_0000_0000), () => c.mov(eax, __[rbx]));
            attempts["push to a non-canonical stack"] = c => Sequence(c, () => c.mov(rsp, 0x8000_0000_0008), () => c.push(rax));
            attempts["jump to non-canonical memory"] = c => Sequence(c, () => c.mov(rbx, 0x8000_0000_0000), () => c.jmp(rbx));
            attempts["push cs"] = c => c.db(0x0E);
            attempts["into"] = c => c.db(0xCE);
            attempts["daa"] = c => c.db(0x27);
            attempts["bound"] = c => c.db(0x62, 0x00);
        }
        else
        {
            attempts["into"] = c => Sequence(c, () => c.mov(eax, int.MaxValue), () => c.add(eax, 1), () => c.into());
            attempts["bound"] = c => Sequence(c, () => c.push(4), () => c.push(2), () => c.mov(eax, 5), () => c.bound(eax, __qword_ptr[esp]));
            attempts["arpl"] = c => Sequence(c, () => c.mov(eax, 8), () => c.mov(ecx, 3), () => c.arpl(ax, cx));
        }

        foreach ((string name, Action<Assembler> attempt) in attempts)
        {
            image.TryAsUser(name, attempt);
        }

        image.TryAsUser("alignment check", c => c.mov(eax, __[SystemImage.UserArea + 0x1001]), 0x4_0002);
        image.Assembler.db(isLong ? [0x0F, 0x20, 0xC0, 0x0D, 0, 0, 4, 0, 0x0F, 0x22, 0xC0] : [0x0F, 0x20, 0xC0, 0x0D, 0, 0, 4, 0, 0x0F, 0x22, 0xC0]);
        image.TryAsUser("alignment check with CR0.AM", c => c.mov(eax, __[SystemImage.UserArea + 0x1001]), 0x4_0002);
        image.TryAsUser("alignment check, aligned", c => c.mov(eax, __[SystemImage.UserArea + 0x1004]), 0x4_0002);
        if (isLong)
        {
            image.TryAsUser("single step by iret", c => Sequence(c, () => c.nop(), () => c.nop()), 0x102);
        }

        image.TryAsUser("I/O privilege 3 and cli", c => c.cli(), 0x3002);
        image.TryAsUser("I/O privilege 3 and in", c => c.@in(al, 0x61), 0x3002);
        image.Compare(output, 50, isLong ? s_noInterrupts : s_emulated);
    }

    [Fact]
    public void Double_and_triple_faults()
    {
        SystemImage image = new(ImageMode.Long);
        image.SetGate(13, SystemImage.HandlerOf(13), 0x0E);
        image.SetGate(0x81, SystemImage.HandlerOf(0x81), 0xEE, 0xFF8);
        image.TryAsUser("not present, in the handler's gate", c => c.hlt());
        image.TryAsUser("a general protection fault whose gate is absent", c => c.cli());
        image.TryAsUser("a gate whose code segment is none", c => c.@int(0x81));
        image.Try("a page fault whose stack is not mapped", c =>
        {
            c.mov(rsp, 0x1000_0000);
            c.mov(eax, __[0x1000_0000]);
        });
        image.Try("an empty interrupt table", c =>
        {
            c.push(0);
            c.push(0);
            c.lidt(__[rsp]);
            c.mov(eax, __[0x1000_0000]);
        });
        image.Try("after a shutdown", c => c.mov(eax, 1));
        image.Compare(output, 60, ("a gate whose code segment is none", NoInterrupts));
    }

    [Fact]
    public void Fast_system_calls()
    {
        SystemImage image = new(ImageMode.Long);
        image.Prepare = box => box.Value.Efer &= ~1UL;
        image.TryAsUser("syscall, not enabled", c => c.syscall());
        image.Try("sysret, not enabled", c => c.db(0x48, 0x0F, 0x07));
        image.Try("swapgs", c =>
        {
            c.swapgs();
            c.mov(ecx, 0xC000_0102);
            c.rdmsr();
            c.swapgs();
        });
        image.TryAsUser("sysenter without a code segment", c => c.sysenter());
        image.TryAsUser("rdtsc", c => Sequence(c, () => c.rdtsc(), () => c.xor(eax, eax), () => c.xor(edx, edx)));
        image.Assembler.mov(rax, cr4);
        image.Assembler.or(eax, 4);
        image.Assembler.mov(cr4, rax);
        image.TryAsUser("rdtsc with CR4.TSD", c => c.rdtsc());
        image.TryAsUser("rdpmc", c => c.rdpmc());
        image.TryAsUser("rdfsbase, not enabled", c => c.rdfsbase(rax));
        image.Assembler.mov(rax, cr4);
        image.Assembler.or(eax, (1 << 16) | (1 << 11));
        image.Assembler.mov(cr4, rax);
        image.TryAsUser("rdfsbase", c => c.rdfsbase(rax));
        image.TryAsUser("wrfsbase of a non-canonical address", c => Sequence(c, () => c.mov(rax, 0x8000_0000_0000), () => c.wrfsbase(rax)));
        image.TryAsUser("sgdt with UMIP", c => c.sgdt(__[SystemImage.UserArea + 0x1000]));
        image.TryAsUser("sidt with UMIP", c => c.sidt(__[SystemImage.UserArea + 0x1000]));
        image.TryAsUser("sldt with UMIP", c => c.sldt(eax));
        image.TryAsUser("str with UMIP", c => c.str(eax));
        image.TryAsUser("smsw with UMIP", c => c.smsw(eax));
        image.Compare(
            output,
            50,
            ("syscall, not enabled", Native),
            ("sysret, not enabled", Native),
            ("rdtsc with CR4.TSD", Native),
            ("rdfsbase", Native));
    }

    private static void Pop(Assembler c, bool isLong)
    {
        if (isLong)
        {
            c.popfq();
        }
        else
        {
            c.popfd();
        }
    }

    private static void Push(Assembler c, bool isLong)
    {
        if (isLong)
        {
            c.pushfq();
        }
        else
        {
            c.pushfd();
        }
    }

    private static void PopRegister(Assembler c, bool isLong)
    {
        if (isLong)
        {
            c.pop(rax);
        }
        else
        {
            c.pop(eax);
        }
    }
}
