using static Iced.Intel.AssemblerRegisters;
using static Nacelle.Machine.Tests.SystemOracle.InstructionSequence;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Control and debug registers, MSRs, process contexts and CPUID, on KVM and on the translator.</summary>
public sealed class RegisterOracleTests(ITestOutputHelper output)
{
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
}
