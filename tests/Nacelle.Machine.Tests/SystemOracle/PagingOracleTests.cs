using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Every combination of page-table bits, on KVM and on the translator: fault or not, error code, accessed and dirty bits.</summary>
public sealed class PagingOracleTests(ITestOutputHelper output)
{
    private const ulong Present = 1;
    private const ulong Writable = 2;
    private const ulong User = 4;
    private const ulong Large = 0x80;
    private const ulong NoExecute = 1UL << 63;
    private const ulong WriteProtect = 1 << 16;
    private const ulong Smep = 1 << 20;
    private const ulong Smap = 1 << 21;
    private const int AlignmentCheck = 1 << 18;
    private const ulong Entry = SystemImage.TestTable;
    private const ulong DirectoryEntry = SystemImage.Directory + (SystemImage.TestArea >> 21 << 3);
    private static readonly string[] s_accesses = ["read", "write", "execute", "user read", "user write", "user execute"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Leaf_bits(bool large)
    {
        SystemImage image = New();
        ulong place = large ? DirectoryEntry : Entry;
        ulong frame = SystemImage.TestFrame | (large ? Large : 0);
        foreach (ulong control in (ulong[])[0, WriteProtect])
        {
            foreach (ulong prevention in (ulong[])[0, Smep, Smap, Smep | Smap])
            {
                SetControls(image, 0x8000_0033 | control, 0x6A0 | prevention);
                for (ulong bits = 0; bits < 16; bits++)
                {
                    ulong entry = frame | (bits & 7) | ((bits & 8) != 0 ? NoExecute : 0);
                    foreach (string access in s_accesses)
                    {
                        Try(image, $"{(large ? "2 MiB" : "4 KiB")} entry {Text(entry)} WP {control != 0} prevention 0x{prevention:x} {access}", place, entry, access);
                    }
                }
            }
        }

        SetControls(image, 0x8001_0033, 0x6A0);
        image.Compare(output, 90);
    }

    [Fact]
    public void Access_prevention_is_lifted_by_the_alignment_flag()
    {
        SystemImage image = New();
        SetControls(image, 0x8001_0033, 0x6A0 | Smep | Smap);
        for (ulong bits = 0; bits < 16; bits++)
        {
            ulong entry = SystemImage.TestFrame | (bits & 7) | ((bits & 8) != 0 ? NoExecute : 0);
            foreach (string access in s_accesses.Take(3))
            {
                Try(image, $"AC, entry {Text(entry)} {access}", Entry, entry, access, AlignmentCheck);
            }
        }

        SetControls(image, 0x8001_0033, 0x6A0);
        image.Compare(output, 90);
    }

    [Fact]
    public void Bits_of_upper_levels()
    {
        SystemImage image = New();
        const ulong upper = 0x5000;

        // A second PML4 entry leads to tables of the test's own: 0x80_0000_0000 and up.
        (ulong Place, ulong Target)[] levels =
        [
            (SystemImage.PageMapLevel4 + 8, upper), (upper, upper + 0x1_0000), (upper + 0x1_0000, upper + 0x1_1000), (upper + 0x1_1000, SystemImage.TestFrame),
        ];
        foreach ((ulong place, ulong target) in levels)
        {
            image.Write(place, target | 7);
        }

        for (int level = 0; level < levels.Length; level++)
        {
            for (ulong bits = 0; bits < 16; bits++)
            {
                ulong entry = levels[level].Target | (bits & 7) | ((bits & 8) != 0 ? NoExecute : 0);
                foreach (string access in s_accesses)
                {
                    Try(image, $"level {4 - level} entry {Text(entry)} {access}", levels[level].Place, entry, access, address: 0x80_0000_0000);
                    image.NoteWord(levels[0].Place, 12);
                    image.NoteWord(levels[1].Place, 13);
                    image.NoteWord(levels[2].Place, 10);
                    image.NoteWord(levels[3].Place, 11);
                }
            }

            Set(image, levels[level].Place, levels[level].Target | 7);
        }

        image.Compare(output, 90);
    }

    [Fact]
    public void Reserved_bits()
    {
        SystemImage image = New();
        foreach (int bit in Enumerable.Range(12, 9).Concat(Enumerable.Range(47, 5)))
        {
            // Within a 2 MiB page, bit 12 is the memory type and 13 to 20 are reserved.
            foreach (string access in s_accesses)
            {
                Try(image, $"2 MiB entry with bit {bit} {access}", DirectoryEntry, SystemImage.TestFrame | Large | 7 | (1UL << bit), access);
            }
        }

        Set(image, DirectoryEntry, SystemImage.TestTable | 7);
        for (int bit = 48; bit < 52; bit++)
        {
            Try(image, $"4 KiB entry with bit {bit}", Entry, SystemImage.TestFrame | 7 | (1UL << bit), "read");
        }

        for (int bit = 52; bit < 63; bit++)
        {
            Try(image, $"4 KiB entry with the free bit {bit}", Entry, SystemImage.TestFrame | 7 | (1UL << bit), "write");
        }

        image.Compare(
            output,
            80,
            [.. Enumerable.Range(48, 4).Select(bit => ($"2 MiB entry with bit {bit}", "a host whose own tables have no such bit reads the address without it"))]);
    }

    [Fact]
    public void No_execute_is_reserved_where_it_is_not_enabled()
    {
        SystemImage image = New();
        image.Prepare = box => box.Value.Efer &= ~0x800UL;
        foreach (string access in s_accesses)
        {
            Try(image, $"NX without EFER.NXE {access}", Entry, SystemImage.TestFrame | 7 | NoExecute, access);
        }

        image.Compare(output, 90);
    }

    private static SystemImage New()
    {
        SystemImage image = new(ImageMode.Long);

        // What is executed there returns, or says that it was reached.
        image.Write(SystemImage.TestFrame, 0xC3, 0x90, 0x0F, 0x0B);
        return image;
    }

    private static string Text(ulong entry) =>
        $"{((entry & Present) != 0 ? 'P' : '-')}{((entry & Writable) != 0 ? 'W' : '-')}{((entry & User) != 0 ? 'U' : '-')}{((entry & NoExecute) != 0 ? 'N' : '-')}";

    private static void SetControls(SystemImage image, ulong cr0Value, ulong cr4Value)
    {
        image.Assembler.mov(rax, cr0Value);
        image.Assembler.mov(cr0, rax);
        image.Assembler.mov(rax, cr4Value);
        image.Assembler.mov(cr4, rax);
    }

    private static void Set(SystemImage image, ulong place, ulong entry)
    {
        image.Assembler.mov(rax, entry);
        image.Assembler.mov(__[place], rax);
        image.Assembler.mov(rax, cr3);
        image.Assembler.mov(cr3, rax);
    }

    private static void Try(
        SystemImage image, string name, ulong place, ulong entry, string access, int flags = 2, ulong address = SystemImage.TestArea)
    {
        Set(image, place, entry);
        if (access.StartsWith("user", StringComparison.Ordinal))
        {
            image.TryAsUser(name, c =>
            {
                c.mov(rdi, address);
                if (access == "user execute")
                {
                    c.lea(rdi, __[rdi + 2]);
                    c.jmp(rdi);
                }
                else
                {
                    Emit(c, access[5..]);
                }
            });
        }
        else
        {
            image.Try(name, c =>
            {
                c.mov(rdi, address);
                if (flags != 2)
                {
                    c.push(flags);
                    c.popfq();
                }

                Emit(c, access);
                c.xor(eax, eax);
                c.xor(edx, edx);
                c.push(2);
                c.popfq();
            });
        }

        image.Assembler.mov(rcx, __[place]);
        image.Note(rcx);
    }

    private static void Emit(Iced.Intel.Assembler c, string access)
    {
        switch (access)
        {
            case "read":
                c.mov(al, __[rdi + 8]);
                break;
            case "write":
                c.mov(__byte_ptr[rdi + 8], 1);
                break;
            default:
                c.call(rdi);
                break;
        }
    }
}
