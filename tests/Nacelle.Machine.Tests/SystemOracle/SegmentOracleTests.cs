using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Descriptor checks and segment limits, on KVM and on the translator.</summary>
public sealed class SegmentOracleTests(ITestOutputHelper output)
{
    private const uint Base = (uint)SystemImage.TestFrame;

    /// <summary>Every type of descriptor, present or not, at both privilege levels.</summary>
    private static IEnumerable<(string Name, int Access)> Accesses =>
        from type in Enumerable.Range(0, 32)
        from level in (int[])[0, 3]
        from present in (int[])[1, 0]
        select ($"type {type:x2} DPL {level}{(present == 0 ? " absent" : "")}", type | (level << 5) | (present << 7));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Loads_of_segment_registers(bool isLong)
    {
        SystemImage image = new(isLong ? ImageMode.Long : ImageMode.Protected);
        foreach ((string name, int access) in Accesses)
        {
            int selector = Add(image, access, isLong);
            foreach (int requested in (int[])[0, 3])
            {
                foreach (AssemblerRegisterSegment register in (AssemblerRegisterSegment[])[ds, ss, fs])
                {
                    image.Try($"mov {register.Value}, {name} RPL {requested}", c =>
                    {
                        c.mov(eax, selector | requested);
                        c.mov(register, eax);
                        c.mov(eax, register);
                        c.mov(ecx, SystemImage.KernelData);
                        c.mov(register, ecx);
                        c.xor(edx, edx);
                    });
                    if (register != fs)
                    {
                        image.TryAsUser($"user mov {register.Value}, {name} RPL {requested}", c =>
                        {
                            c.mov(eax, selector | requested);
                            c.mov(register, eax);
                        });
                    }
                }
            }
        }

        image.Compare(output, 90);
    }

    [Fact]
    public void Inspection_of_descriptors()
    {
        SystemImage image = new(ImageMode.Long);
        foreach ((string name, int access) in Accesses)
        {
            int selector = Add(image, access, isLong: true);
            foreach (int requested in (int[])[0, 3])
            {
                foreach (string instruction in (string[])["lar", "lsl", "verr", "verw"])
                {
                    void Inspect(Assembler c)
                    {
                        c.mov(ecx, selector | requested);
                        c.xor(eax, eax);
                        switch (instruction)
                        {
                            case "lar": c.lar(eax, ecx); break;
                            case "lsl": c.lsl(eax, ecx); break;
                            case "verr": c.verr(cx); break;
                            default: c.verw(cx); break;
                        }

                        c.setz(dl);
                        c.movzx(edx, dl);
                    }

                    image.TryAsUser($"{instruction} {name} RPL {requested}", Inspect);
                }
            }
        }

        image.Compare(
            output,
            70,
            ("l", "a KVM that runs user code without hardware virtualisation runs LAR and LSL on the host's own descriptors"),
            ("ver", "the same of VERR and VERW"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Far_jumps_and_calls(bool isLong)
    {
        SystemImage image = new(isLong ? ImageMode.Long : ImageMode.Protected);
        const ulong target = SystemImage.Scratch;
        const ulong back = SystemImage.Scratch + 16;
        const ulong landing = 0xB000;

        // mov eax, cs; mov edx, ss; jmp far [back], in 32-bit and 64-bit code alike.
        image.Write(landing, 0x8C, 0xC8, 0x8C, 0xD2, 0xFF, 0x2C, 0x25, (byte)(back & 0xFF), (byte)(back >> 8), 0, 0);
        foreach ((string name, int access) in Accesses)
        {
            // Gates lead to the landing; as other types the same words are something else.
            bool system = (access & 0x10) == 0;
            ulong gate = (landing & 0xFFFF) | ((ulong)SystemImage.KernelCode << 16) | ((ulong)(uint)access << 40);
            foreach (int flags in isLong && !system ? (int[])[0xA, 0xC, 0xE, 0x8] : [0xC])
            {
                // Tasks are another matter; 16-bit code would not survive the landing.
                if (system && !isLong && (access & 7) is 1 or 3 or 5)
                {
                    continue;
                }

                if (system && (access & 0xF) is 4 or 6 or 7 && !isLong)
                {
                    continue;
                }

                if (!system && (access & 8) != 0 && flags == 8)
                {
                    continue;
                }

                int selector = isLong
                    ? image.AddDescriptor(system ? gate : SystemImage.Segment(0, 0xFFFFF, access, flags), 0)
                    : image.AddDescriptor(system ? gate : SystemImage.Segment(0, 0xFFFFF, access, flags));
                foreach (int requested in (int[])[0, 3])
                {
                    foreach (bool call in (bool[])[false, true])
                    {
                        image.Try($"{(call ? "call" : "jmp")} far {name} flags {flags:x} RPL {requested}", c =>
                        {
                            Label end = c.CreateLabel();
                            if (isLong)
                            {
                                c.mov(rbp, rsp);
                                c.lea(rax, __[end]);
                                c.mov(__dword_ptr[back], eax);
                            }
                            else
                            {
                                Label over = c.CreateLabel();
                                c.mov(ebp, esp);
                                c.call(over);
                                c.jmp(end);
                                c.Label(ref over);
                                c.pop(__dword_ptr[back]);
                            }

                            c.mov(__dword_ptr[back + 4], SystemImage.KernelCode);
                            c.mov(__dword_ptr[target], (int)landing);
                            c.mov(__dword_ptr[target + 4], selector | requested);
                            if (call)
                            {
                                c.call(__fword_ptr[target]);
                            }
                            else
                            {
                                c.jmp(__fword_ptr[target]);
                            }

                            c.Label(ref end);
                            if (isLong)
                            {
                                c.mov(rsp, rbp);
                            }
                            else
                            {
                                c.mov(esp, ebp);
                            }
                        });
                    }
                }
            }
        }

        image.Compare(output, 60);
    }

    [Fact]
    public void Limits_of_data_segments()
    {
        SystemImage image = new(ImageMode.Protected);
        (string Name, uint Limit, int Access, int Flags)[] segments =
        [
            ("byte granular", 0xFFF, 0xF3, 0x4),
            ("empty", 0, 0xF3, 0x4),
            ("page granular", 0, 0xF3, 0xC),
            ("read-only", 0xFFF, 0xF1, 0x4),
            ("down, 16-bit", 0xFFF, 0xF7, 0),
            ("down, 32-bit", 0xFFF, 0xF7, 0x4),
            ("down, page granular", 0, 0xF7, 0xC),
            ("down, read-only", 0xFFF, 0xF5, 0x4),
            ("code that can be read", 0xFFF, 0xFB, 0x4),
            ("code that cannot be read", 0xFFF, 0xF9, 0x4),
        ];
        uint[] offsets =
        [
            0, 1, 0xFF8, 0xFFC, 0xFFD, 0xFFE, 0xFFF, 0x1000, 0x1001, 0xFFFC, 0xFFFE, 0xFFFF, 0x1_0000, 0x1_0001, 0xFFFF_FFFC, 0xFFFF_FFFD, 0xFFFF_FFFF,
        ];
        foreach ((string name, uint limit, int access, int flags) in segments)
        {
            int selector = image.AddDescriptor(SystemImage.Segment(Base, limit, access, flags)) | 3;
            foreach (uint offset in offsets)
            {
                if (access != 0xF9 && access != 0xFB && offset > 0xFFFF_FFF0 && (flags & 4) != 0 && (access & 4) != 0)
                {
                    // The end of a 4 GiB segment lies in front of its base: there is memory, and nothing to be refused but the wrap.
                    continue;
                }

                foreach (int size in (int[])[1, 2, 4, 8])
                {
                    foreach (bool write in (bool[])[false, true])
                    {
                        image.TryAsUser($"{(write ? "write" : "read")} of {size} at 0x{offset:x} of a segment that is {name}", c =>
                        {
                            c.mov(eax, selector);
                            c.mov(fs, eax);
                            c.mov(ebx, offset);
                            Access(c, __.fs[ebx], size, write);
                        });
                    }
                }

                if ((access & 8) == 0 && (access & 2) != 0)
                {
                    image.TryAsUser($"read of 4 at 0x{offset:x} of a stack that is {name}", c =>
                    {
                        c.mov(eax, selector);
                        c.mov(ss, eax);
                        c.mov(ebp, offset);
                        c.mov(eax, __[ebp]);
                    });
                    image.TryAsUser($"push at 0x{offset:x} of a stack that is {name}", c =>
                    {
                        c.mov(eax, selector);
                        c.mov(ss, eax);
                        c.mov(esp, offset);
                        c.push(eax);
                    });
                }
            }
        }

        image.Compare(output, 95);
    }

    private static int Add(SystemImage image, int access, bool isLong)
    {
        ulong word = SystemImage.Segment(Base, 0xFFFFF, access, 0xC);
        return isLong && (access & 0x10) == 0 ? image.AddDescriptor(word, 0) : image.AddDescriptor(word);
    }

    private static void Access(Assembler c, AssemblerMemoryOperand operand, int size, bool write)
    {
        switch (size, write)
        {
            case (1, false): c.mov(al, operand); break;
            case (2, false): c.mov(ax, operand); break;
            case (4, false): c.mov(eax, operand); break;
            case (8, false): c.movq(mm0, operand); break;
            case (1, true): c.mov(operand, cl); break;
            case (2, true): c.mov(operand, cx); break;
            case (4, true): c.mov(operand, ecx); break;
            default: c.movq(operand, mm0); break;
        }
    }
}
