using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Exceptions, control registers, MSRs, debug registers and fast system calls, on KVM and on the translator.</summary>
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
    public void Control_registers()
    {
        SystemImage image = new(ImageMode.Long);
        ulong[] cr0Values =
        [
            0x8001_0033, 0x8000_0033, 0x8001_0032, 0x0001_0033, 0xA001_0033, 0xC001_0033, 0xE001_0033, 0x8001_003B, 0x8001_0037,
            0x1_8001_0033, 0x8001_0013, 0x8005_0033, 0x9001_0033,
        ];
        foreach (ulong value in cr0Values)
        {
            image.Try($"mov cr0, 0x{value:x}", c =>
            {
                c.mov(rcx, value);
                c.mov(cr0, rcx);
                c.mov(rax, cr0);
                c.mov(rcx, 0x8001_0033);
                c.mov(cr0, rcx);
                c.xor(edx, edx);
            });
        }

        for (int bit = 0; bit < 64; bit++)
        {
            ulong value = 0x6A0UL ^ (1UL << bit);
            image.Try($"mov cr4 with bit {bit} changed", c =>
            {
                c.mov(rcx, value);
                c.mov(cr4, rcx);
                c.mov(rax, cr4);
                c.mov(ecx, 0x6A0);
                c.mov(cr4, rcx);
                c.xor(edx, edx);
            });
        }

        for (int bit = 0; bit < 64; bit++)
        {
            if (bit is >= 12 and < 48)
            {
                continue;
            }

            ulong value = SystemImage.PageMapLevel4 | (1UL << bit);
            image.Try($"mov cr3 with bit {bit}", c =>
            {
                c.mov(rcx, value);
                c.mov(cr3, rcx);
                c.mov(rax, cr3);
                c.mov(ecx, (int)SystemImage.PageMapLevel4);
                c.mov(cr3, rcx);
                c.xor(edx, edx);
            });
        }

        foreach (ulong value in (ulong[])[0, 5, 15, 16, 1UL << 40])
        {
            image.Try($"mov cr8, 0x{value:x}", c =>
            {
                c.mov(rcx, value);
                c.mov(cr8, rcx);
                c.mov(rax, cr8);
                c.xor(ecx, ecx);
                c.mov(cr8, rcx);
                c.xor(edx, edx);
            });
        }

        image.Try("smsw", c => Sequence(c, () => c.smsw(rax), () => c.xor(edx, edx)));
        image.Try("clts and lmsw", c =>
        {
            c.mov(ecx, 0x3B);
            c.lmsw(cx);
            c.smsw(rax);
            c.clts();
            c.smsw(rdx);
        });
        image.Try("wait with TS and MP", c => Sequence(c, () => c.mov(ecx, 0x3B), () => c.lmsw(cx), () => c.wait(), () => c.clts()));
        image.Assembler.clts();
        image.Try("x87 with TS", c => Sequence(c, () => c.mov(ecx, 0x3B), () => c.lmsw(cx), () => c.fnop(), () => c.clts()));
        image.Assembler.clts();
        image.Try("SSE with TS", c => Sequence(c, () => c.mov(ecx, 0x3B), () => c.lmsw(cx), () => c.xorps(xmm0, xmm0), () => c.clts()));
        image.Assembler.clts();
        image.Compare(
            output,
            60,
            [("mov cr0, 0x180010033", "some hosts look at 32 bits; bits 63:32 are reserved (SDM volume 3, 2.5)"),
            ("mov cr4 with bit 17", "the host offers no PCID"),
            ("mov cr4 with bit 24", "the host offers no PKS"),
            ("mov cr4 with bit 22", "the host may offer no PKU"),
            .. Enumerable.Range(32, 32).Select(bit => ($"mov cr4 with bit {bit}", "some hosts look at 32 bits; bits 63:32 are reserved"))]);
    }

    [Fact]
    public void Extended_control_register()
    {
        SystemImage image = new(ImageMode.Long);
        image.Try("xsetbv without OSXSAVE", c => Sequence(c, () => c.xor(ecx, ecx), () => c.mov(eax, 1), () => c.xor(edx, edx), () => c.xsetbv()));
        image.Assembler.mov(rax, cr4);
        image.Assembler.or(eax, 1 << 18);
        image.Assembler.mov(cr4, rax);
        foreach (uint value in (uint[])[0, 1, 2, 3, 4, 5, 6, 7, 0xB, 0x10, 0x27, 0x8000_0001])
        {
            image.Try($"xsetbv 0x{value:x}", c =>
            {
                c.xor(ecx, ecx);
                c.xor(edx, edx);
                c.mov(eax, value);
                c.xsetbv();
                c.xgetbv();
            });
        }

        image.Try("xsetbv of register 1", c => Sequence(c, () => c.mov(ecx, 1), () => c.mov(eax, 1), () => c.xor(edx, edx), () => c.xsetbv()));
        image.Try("xgetbv of register 2", c => Sequence(c, () => c.mov(ecx, 2), () => c.xgetbv()));
        image.Compare(output, 10, ("xsetbv", "some hosts' emulators do not know XSETBV and raise #UD"));
    }

    [Fact]
    public void Model_specific_registers()
    {
        SystemImage image = new(ImageMode.Long);
        const ulong noncanonical = 0x8000_0000_0000;
        (string Name, uint Index, ulong[] Values)[] registers =
        [
            ("EFER", 0xC000_0080, [0xD01, 0x501, 0xD00, 0xC01, 0x1501, 0xD03, 0x1_0000_0D01]),
            ("STAR", 0xC000_0081, [0, ulong.MaxValue]),
            ("LSTAR", 0xC000_0082, [0, noncanonical, 0xFFFF_8000_0000_0000]),
            ("CSTAR", 0xC000_0083, [0, noncanonical]),
            ("FMASK", 0xC000_0084, [0x47700, 0x1_0000_0000]),
            ("FS base", 0xC000_0100, [0x1234, noncanonical, ulong.MaxValue]),
            ("GS base", 0xC000_0101, [0x1234, noncanonical]),
            ("kernel GS base", 0xC000_0102, [0x1234, noncanonical]),
            ("TSC_AUX", 0xC000_0103, [5, 0x1_0000_0000]),
            ("SYSENTER_CS", 0x174, [8, 0xFFFF_FFFF]),
            ("SYSENTER_ESP", 0x175, [0x1234, noncanonical]),
            ("SYSENTER_EIP", 0x176, [0x1234, noncanonical]),
            ("PAT", 0x277, [0x0007_0406_0007_0406, 0x0201_0406_0007_0406, 0x0301_0406_0007_0406, 0x0808_0808_0808_0808, 0x0504_0100_0706_0504]),
            ("no such register", 0x1234_5678, [0]),
            ("no such register either", 0x4000_0FFF, [0]),
            ("PKRS", 0x6E1, [0, 1UL << 32]),
        ];
        foreach ((string name, uint index, ulong[] values) in registers)
        {
            foreach (ulong value in values)
            {
                image.Try($"wrmsr {name} 0x{value:x}", c =>
                {
                    c.mov(ecx, index);
                    c.mov(eax, (uint)value);
                    c.mov(edx, (uint)(value >> 32));
                    c.wrmsr();
                    c.rdmsr();
                });
                if (index == 0xC000_0080)
                {
                    // Whatever it has become.
                    image.Assembler.mov(ecx, index);
                    image.Assembler.mov(eax, 0xD01);
                    image.Assembler.xor(edx, edx);
                    image.Assembler.wrmsr();
                }
            }

            image.Try($"rdmsr {name}", c => Sequence(c, () => c.mov(ecx, index), () => c.rdmsr()));
        }

        image.Compare(
            output,
            70,
            ("wrmsr FMASK 0x100000000", "bits 63:32 of IA32_FMASK are reserved (SDM volume 4, table 2-2); some hosts keep them"),
            ("rdmsr FMASK", "what the write before it has left"),
            ("wrmsr TSC_AUX 0x5", "the host may offer no RDTSCP"),
            ("rdmsr TSC_AUX", "the host may offer no RDTSCP"),
            ("wrmsr SYSENTER_E", "KVM makes these canonical on AMD hosts, whose processors do not check; the manual says #GP"),
            ("rdmsr SYSENTER_E", "what the write before it has left"),
            ("wrmsr PAT", "some hosts keep reserved memory types"),
            ("wrmsr PKRS", "the host offers no PKS"),
            ("rdmsr PKRS", "the host offers no PKS"));
    }

    [Fact]
    public void Debug_registers()
    {
        SystemImage image = new(ImageMode.Long);
        for (int bit = 0; bit < 64; bit++)
        {
            ulong value = 1UL << bit;
            image.Try($"mov dr6 with bit {bit}", c =>
            {
                c.mov(rcx, value);
                c.mov(dr6, rcx);
                c.mov(rax, dr6);
                c.mov(ecx, 0xFFFF_0FF0);
                c.mov(dr6, rcx);
                c.xor(edx, edx);
            });

            // Breakpoints are not enabled here, and general detection has its own test.
            if (bit is not (13 or < 8))
            {
                image.Try($"mov dr7 with bit {bit}", c =>
                {
                    c.mov(rcx, value);
                    c.mov(dr7, rcx);
                    c.mov(rax, dr7);
                    c.mov(ecx, 0x400);
                    c.mov(dr7, rcx);
                    c.xor(edx, edx);
                });
            }
        }

        image.Try("mov dr4", c => Sequence(c, () => c.mov(ecx, 0xFFFF_0FF0), () => c.db(0x0F, 0x23, 0xE1), () => c.db(0x0F, 0x21, 0xE0), () => c.xor(edx, edx)));
        image.Assembler.mov(rax, cr4);
        image.Assembler.or(eax, 8);
        image.Assembler.mov(cr4, rax);
        image.Try("mov dr4 with CR4.DE", c => c.db(0x0F, 0x21, 0xE0));
        image.Try("mov dr5 with CR4.DE", c => c.db(0x0F, 0x21, 0xE8));
        image.Try("mov dr0 of a non-canonical address", c => Sequence(c, () => c.mov(rcx, 0x8000_0000_0000), () => c.mov(dr0, rcx), () => c.mov(rax, dr0), () => c.xor(edx, edx)));
        for (int type = 0; type < 4; type++)
        {
            for (int length = 0; length < 4; length++)
            {
                foreach (bool write in (bool[])[false, true])
                {
                    foreach (int offset in (int[])[-1, 0, 1, 3, 4, 7, 8])
                    {
                        ulong control = 0x401 | ((ulong)type << 16) | ((ulong)length << 18);
                        if (type == 2 || (type == 0 && length != 0))
                        {
                            continue;
                        }

                        Arm(image, control);
                        image.TryAsUser($"breakpoint type {type} length {length}, {(write ? "write" : "read")} at {offset}", c =>
                        {
                            c.mov(rdi, SystemImage.UserArea + 0x2000 + (ulong)(long)offset);
                            if (write)
                            {
                                c.mov(__[rdi], cx);
                            }
                            else
                            {
                                c.mov(cx, __[rdi]);
                            }

                            c.nop();
                        });
                    }
                }
            }
        }

        Arm(image, 0x400);
        image.Compare(output, 70, ("breakpoint type", "a KVM that runs user code without hardware virtualisation loads no debug registers for it"));
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

    [Fact]
    public void Process_context_identifiers()
    {
        SystemImage image = new(ImageMode.Long);
        const ulong descriptor = SystemImage.Scratch;
        image.Try("cr3 with a process context, not enabled", c => Sequence(c, () => c.mov(rcx, SystemImage.PageMapLevel4 | 5), () => c.mov(cr3, rcx), () => c.mov(rax, cr3), () => c.mov(ecx, (int)SystemImage.PageMapLevel4), () => c.mov(cr3, rcx), () => c.xor(edx, edx)));
        image.Try("CR4.PCIDE with a process context", c =>
        {
            c.mov(rcx, SystemImage.PageMapLevel4 | 8);
            c.mov(cr3, rcx);
            c.mov(ecx, 0x6A0 | (1 << 17));
            c.mov(cr4, rcx);
        });
        image.Assembler.mov(eax, (int)SystemImage.PageMapLevel4);
        image.Assembler.mov(cr3, rax);
        image.Try("CR4.PCIDE", c => Sequence(c, () => c.mov(ecx, 0x6A0 | (1 << 17)), () => c.mov(cr4, rcx), () => c.mov(rax, cr4), () => c.xor(edx, edx)));
        foreach (ulong bits in (ulong[])[0, 1, 0xFFF, 1UL << 63, (1UL << 63) | 1, 1UL << 62])
        {
            image.Try($"cr3 with 0x{bits:x}", c => Sequence(c, () => c.mov(rcx, SystemImage.PageMapLevel4 | bits), () => c.mov(cr3, rcx), () => c.mov(rax, cr3), () => c.xor(edx, edx)));
        }

        for (int type = 0; type < 6; type++)
        {
            foreach ((ulong first, ulong second) in (ReadOnlySpan<(ulong, ulong)>)[(0, SystemImage.TestArea), (1, SystemImage.TestArea), (0x1000, 0), (1, 0x8000_0000_0000)])
            {
                (ulong low, ulong high) = (first, second);
                int kind = type;
                image.Try($"invpcid type {type} of 0x{first:x}, 0x{second:x}", c =>
                {
                    c.mov(rcx, low);
                    c.mov(__[descriptor], rcx);
                    c.mov(rcx, high);
                    c.mov(__[descriptor + 8], rcx);
                    c.mov(ecx, kind);
                    c.invpcid(rcx, __[descriptor]);
                });
            }
        }

        // What a page is after its entry has changed and each way to flush it: process context 0, global or not.
        for (int type = 0; type < 5; type++)
        {
            foreach (bool global in (bool[])[false, true])
            {
                int kind = type;
                ulong flags = global ? 0x107UL : 7;
                if (global && type is 1 or 3)
                {
                    continue;
                }

                image.Try($"a changed {(global ? "global " : "")}page after flush {type}", c =>
                {
                    c.mov(rcx, SystemImage.PageMapLevel4);
                    c.mov(cr3, rcx);
                    c.mov(rcx, SystemImage.TestFrame | flags);
                    c.mov(__[SystemImage.TestTable], rcx);
                    c.invlpg(__[SystemImage.TestArea]);
                    c.mov(__dword_ptr[SystemImage.TestArea], 11);
                    c.mov(rcx, (SystemImage.TestFrame + 0x1000) | flags);
                    c.mov(__[SystemImage.TestTable], rcx);
                    c.mov(__qword_ptr[descriptor], 0);
                    c.mov(rcx, SystemImage.TestArea);
                    c.mov(__[descriptor + 8], rcx);
                    if (kind == 4)
                    {
                        c.invlpg(__[SystemImage.TestArea]);
                    }
                    else
                    {
                        c.mov(ecx, kind);
                        c.invpcid(rcx, __[descriptor]);
                    }

                    c.mov(eax, __[SystemImage.TestArea]);
                    c.mov(edx, __[SystemImage.TestTable]);
                });
            }
        }

        image.Compare(
            output,
            15,
            ("CR4.PCIDE", "the host offers no PCID"),
            ("cr3 with 0x", "the host offers no PCID"),
            ("invpcid", "the host offers no INVPCID"));
    }

    [Fact]
    public void Identification()
    {
        SystemImage image = new(ImageMode.Long);
        foreach ((uint leaf, uint index) in (ReadOnlySpan<(uint, uint)>)
            [(0, 0), (1, 0), (7, 0), (7, 1), (0xD, 0), (0xD, 1), (0xD, 2), (0xB, 0), (0xB, 1), (0x8000_0000, 0), (0x8000_0001, 0), (0x8000_0008, 0)])
        {
            (uint function, uint number) = (leaf, index);
            image.Try($"cpuid 0x{leaf:x}, {index}: eax, edx", c => Sequence(c, () => c.mov(eax, function), () => c.mov(ecx, number), () => c.cpuid()));
            image.Try($"cpuid 0x{leaf:x}, {index}: ebx, ecx", c => Sequence(c, () => c.mov(eax, function), () => c.mov(ecx, number), () => c.cpuid(), () => c.mov(eax, ebx), () => c.mov(edx, ecx)));
        }

        image.Compare(
            output,
            70,
            ("cpuid 0x1,", "KVM sets the multithreading bit as it likes"),
            ("cpuid 0x7,", "UMIP, PKU, PKS and INVPCID are the translator's own; the host need not have them"));
    }

    private static void Arm(SystemImage image, ulong control)
    {
        image.Assembler.mov(rax, SystemImage.UserArea + 0x2000);
        image.Assembler.mov(dr0, rax);
        image.Assembler.mov(rax, control);
        image.Assembler.mov(dr7, rax);
    }

    private static void Sequence(Assembler _, params Action[] instructions)
    {
        foreach (Action instruction in instructions)
        {
            instruction();
        }
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
