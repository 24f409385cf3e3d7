using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>When #AC is raised: by CR0.AM, RFLAGS.AC and the privilege level (SDM volume 3, 6.15). Which accesses raise it, the host oracle tells.</summary>
public sealed class AlignmentOracleTests(ITestOutputHelper output)
{
    private const ulong AlignmentMask = 0x4_0000;
    private const int AlignmentCheck = 0x4_0000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Misaligned_accesses(bool masked)
    {
        SystemImage image = new(ImageMode.Long) { Prepare = box => box.Value.Cr0 |= masked ? AlignmentMask : 0 };
        foreach (int flags in (int[])[2, AlignmentCheck | 2])
        {
            foreach (int offset in (int[])[0, 1, 4, 7])
            {
                string place = $"at {offset}, flags 0x{flags:x}";
                image.TryAsUser(
                    $"read {place}",
                    c =>
                    {
                        c.mov(rbx, (long)SystemImage.TestArea + offset);
                        c.mov(rax, __[rbx]);
                    },
                    flags);
                image.TryAsUser(
                    $"write {place}",
                    c =>
                    {
                        c.mov(rbx, (long)SystemImage.TestArea + offset);
                        c.mov(__[rbx], ecx);
                        c.mov(eax, 5);
                    },
                    flags);
                image.TryAsUser(
                    $"push {place}",
                    c =>
                    {
                        c.mov(rsp, (long)SystemImage.TestArea + 64 + offset);
                        c.push(rax);
                    },
                    flags);
            }

            image.TryAsUser(
                $"cleared by POPF, flags 0x{flags:x}",
                c =>
                {
                    c.push(2);
                    c.popfq();
                    c.mov(rbx, (long)SystemImage.TestArea + 1);
                    c.mov(eax, __[rbx]);
                },
                flags);
            image.TryAsUser(
                $"set by POPF, flags 0x{flags:x}",
                c =>
                {
                    c.push(AlignmentCheck | 2);
                    c.popfq();
                    c.mov(rbx, (long)SystemImage.TestArea + 1);
                    c.mov(eax, __[rbx]);
                },
                flags);
            image.Try($"level 0, flags 0x{flags:x}", c =>
            {
                c.push(flags);
                c.popfq();
                c.mov(rbx, (long)SystemImage.TestArea + 1);
                c.mov(rax, __[rbx]);
                c.push(2);
                c.popfq();
                c.xor(eax, eax);
                c.xor(edx, edx);
            });
        }

        const string native = "a KVM that runs user code without hardware virtualisation does so under the host's CR0.AM; asserted below";
        image.Compare(output, 60, masked ? [] : [("read at", native), ("write at", native), ("push at", native), ("set by POPF", native)]);
        IReadOnlyList<ulong[]> records = image.RunOnTranslator().Records;
        for (int i = 0; i < records.Count; i++)
        {
            string name = image.Names[i];
            string seen = $"{name}: {SystemImage.Describe(records[i])}";
            bool set = name.StartsWith("set", StringComparison.Ordinal)
                || (name.EndsWith("0x40002", StringComparison.Ordinal) && !name.StartsWith("cleared", StringComparison.Ordinal)
                    && !name.StartsWith("level", StringComparison.Ordinal) && !name.Contains("at 0,", StringComparison.Ordinal)
                    && !name.StartsWith("write at 4", StringComparison.Ordinal));
            ulong expected = masked && set ? 17UL : name.StartsWith("level", StringComparison.Ordinal) ? SystemImage.Completed : 6UL;
            Assert.True(records[i][0] == expected && (expected != 17 || records[i][1] == 0), seen);
        }
    }

    /// <summary>SYSRET that sets RFLAGS.AC comes back to code that is checked, and the next one that clears it to code that is not.</summary>
    [Fact]
    public void Flag_that_SYSRET_loads()
    {
        SystemImage image = new(ImageMode.Long) { Prepare = box => box.Value.Cr0 |= AlignmentMask };
        const ulong place = SystemImage.UserArea + 0x1F_0000;
        image.Place(place, c =>
        {
            c.mov(rbx, (long)SystemImage.TestArea + 1);
            c.mov(eax, __[rbx]);
            c.ud2();
        });
        image.Assembler.mov(ecx, 0xC000_0081);
        image.Assembler.mov(edx, SystemImage.KernelCode | ((SystemImage.UserData - 8) << 16));
        image.Assembler.xor(eax, eax);
        image.Assembler.wrmsr();
        image.Assembler.mov(ecx, 0xC000_0084);
        image.Assembler.xor(edx, edx);
        image.Assembler.mov(eax, AlignmentCheck);
        image.Assembler.wrmsr();
        foreach (int flags in (int[])[2, AlignmentCheck | 2, 2, AlignmentCheck | 2])
        {
            image.Try($"SYSRET with flags 0x{flags:x}", c =>
            {
                c.mov(ecx, (uint)place);
                c.mov(r11d, flags);
                c.sysretq();
            });
        }

        IReadOnlyList<ulong[]> records = image.RunOnTranslator().Records;
        for (int i = 0; i < records.Count; i++)
        {
            Assert.True(records[i][0] == (i % 2 == 0 ? 6UL : 17UL), $"{image.Names[i]}: {SystemImage.Describe(records[i])}");
        }

        Assert.Equal(4, records.Count);
    }
}
