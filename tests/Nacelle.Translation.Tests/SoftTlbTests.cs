using Iced.Intel;
using Nacelle.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>
/// The two places that a page may have in the soft TLB, and the second level behind them: every way of forgetting a page has to
/// reach all of them. Pages 16 MiB apart share a place, so that touching one puts the other out.
/// </summary>
public sealed class SoftTlbTests
{
    private const ulong Apart = 16 << 20;
    private const ulong Present = 0x3;
    private const ulong Dirty = 0x40;
    private const ulong Global = 0x100;
    private const ulong Data = BareMachine.DataAddress;
    private const ulong Other = 0x68_0000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Reads_of_buffers_that_share_places_stay_in_translated_code(bool user)
    {
        const int words = 512 * 16;
        const int turns = 40;
        using BareMachine machine = new();
        machine.LetUsersIn();
        for (ulong i = 0; i < words; i++)
        {
            Assert.True(machine.Ram.TryWrite(Data + (i * 8), i * 7));
            Assert.True(machine.Ram.TryWrite(Data + Apart + (i * 8), i * 3));
        }

        machine.Run(
            c =>
            {
                Label turn = c.CreateLabel();
                Label word = c.CreateLabel();
                c.mov(edx, turns);
                c.Label(ref turn);
                c.xor(ecx, ecx);
                c.Label(ref word);
                c.mov(rax, __qword_ptr[(rcx * 8) + (int)Data]);
                c.add(rax, __qword_ptr[(rcx * 8) + (int)(Data + Apart)]);
                c.mov(__qword_ptr[(rcx * 8) + (int)Data], rax);
                c.inc(ecx);
                c.cmp(ecx, words);
                c.jne(word);
                c.dec(edx);
                c.jne(turn);
            },
            prepare: user ? BareMachine.AsUser : Supervisor);
        for (ulong i = 0; i < words; i++)
        {
            Assert.True(machine.Ram.TryRead(Data + (i * 8), out ulong sum));
            Assert.Equal(i * (7 + (3 * turns)), sum);
        }

        TranslatorCounters counters = machine.Counters;
        Assert.True(counters.TlbMisses < 200 + (counters.TlbFinds / 4096), $"{counters.TlbMisses} misses of {words * turns * 3} accesses");
        Assert.True(counters.ConflictingAccesses > 0, "no access was seen to displace others");
        Assert.True(counters.TlbFinds < words * turns, $"{counters.TlbFinds} accesses did not find their page at once");
    }

    [Theory]
    [InlineData("rep movsb", 1)]
    [InlineData("rep movsq", 8)]
    [InlineData("rep stosq", 8)]
    public void Repeated_strings_find_pages_that_share_a_place(string name, int width)
    {
        const int length = 0x5000;
        const int turns = 50;
        using BareMachine machine = new();
        byte[] bytes = new byte[length];
        new Random(5).NextBytes(bytes);
        Assert.True(machine.Ram.TryWrite(Data, bytes));
        machine.Run(c =>
        {
            Label turn = c.CreateLabel();
            c.mov(edx, turns);
            c.xor(eax, eax);
            c.Label(ref turn);
            c.mov(rsi, Data);
            c.mov(rdi, Data + Apart);
            c.mov(ecx, length / width);
            switch (name)
            {
                case "rep movsb":
                    c.rep.movsb();
                    break;
                case "rep movsq":
                    c.rep.movsq();
                    break;
                default:
                    c.add(rax, __qword_ptr[rsi]);
                    c.rep.stosq();
                    break;
            }

            c.dec(edx);
            c.jne(turn);
        });
        byte[] copied = new byte[length];
        Assert.True(machine.Ram.TryRead(Data + Apart, copied));
        if (name != "rep stosq")
        {
            Assert.Equal(bytes, copied);
        }

        Assert.True(machine.Counters.OperationExits < turns, $"{machine.Counters.OperationExits} exits for {turns} instructions");
    }

    [Fact]
    public void An_access_across_pages_finds_both_in_the_second_level()
    {
        const int turns = 1000;
        using BareMachine machine = new();
        Assert.True(machine.Ram.TryWrite(Data + 0xFFC, 0x1122_3344_5566_7788UL));
        CpuRegisters registers = machine.Run(c =>
        {
            Label turn = c.CreateLabel();
            c.mov(ecx, turns);
            c.xor(ebx, ebx);
            c.Label(ref turn);
            c.inc(__dword_ptr[Data + Apart]);
            c.inc(__dword_ptr[Data + Apart + 0x1000]);
            c.add(__qword_ptr[Data + 0xFFC], 1);
            c.add(rbx, __qword_ptr[Data + Apart]);
            c.dec(ecx);
            c.jne(turn);
        });
        Assert.True(machine.Ram.TryRead(Data + 0xFFC, out ulong value));
        Assert.Equal(0x1122_3344_5566_7788UL + turns, value);
        Assert.Equal((ulong)turns * (turns + 1) / 2, BareMachine.General(registers, GeneralRegister.Rbx));
        Assert.True(machine.Counters.TlbMisses < 100, $"{machine.Counters.TlbMisses} misses");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Invlpg_reaches_a_page_without_a_place(bool global)
    {
        using BareMachine machine = new();
        ulong entry = BareMachine.MapPage(machine.Ram, Data, Data | Present | Dirty | (global ? Global : 0));
        ReadsAnew(machine, entry, c => c.invlpg(__byte_ptr[Data]));
    }

    [Fact]
    public void A_new_address_space_reaches_a_page_without_a_place()
    {
        using BareMachine machine = new();
        ulong entry = BareMachine.MapPage(machine.Ram, Data, Data | Present | Dirty);
        ReadsAnew(machine, entry, ReloadTables);
    }

    [Fact]
    public void A_change_of_the_global_bits_meaning_reaches_a_global_page_without_a_place()
    {
        using BareMachine machine = new();
        ulong entry = BareMachine.MapPage(machine.Ram, Data, Data | Present | Dirty | Global);
        ReadsAnew(machine, entry, c =>
        {
            c.mov(rax, cr4);
            c.xor(rax, 0x80);
            c.mov(cr4, rax);
            c.xor(rax, 0x80);
            c.mov(cr4, rax);
        });
    }

    [Fact]
    public void A_global_page_without_a_place_outlives_a_new_address_space()
    {
        using BareMachine machine = new();
        ulong entry = BareMachine.MapPage(machine.Ram, Data, Data | Present | Dirty | Global);
        Assert.Equal((1, 1), ReadTwice(machine, entry, ReloadTables));
    }

    [Fact]
    public void Numbers_of_address_spaces_run_out_without_harm()
    {
        // More changes than there are numbers, each with the page changed below them.
        const int turns = 3000;
        using BareMachine machine = new();
        ulong entry = BareMachine.MapPage(machine.Ram, Data, Data | Present | Dirty);
        Assert.True(machine.Ram.TryWrite(Data, 1UL));
        Assert.True(machine.Ram.TryWrite(Other, 2UL));
        CpuRegisters registers = machine.Run(c =>
        {
            Label turn = c.CreateLabel();
            c.mov(ecx, turns);
            c.xor(ebx, ebx);
            c.Label(ref turn);
            c.add(rbx, __qword_ptr[Data]);
            c.inc(__qword_ptr[Data + Apart]);
            c.xor(__qword_ptr[(long)entry], (int)(Data ^ Other));
            ReloadTables(c);
            c.dec(ecx);
            c.jne(turn);
        });
        Assert.Equal((ulong)turns / 2 * 3, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(Global)]
    public void Invlpg_forgets_all_of_a_large_page(ulong kind)
    {
        // Two pages of a page of 2 MiB; the address given is in neither.
        const int directory = 0x3000 + (int)(Data >> 21 << 3);
        using BareMachine machine = new();
        Assert.True(machine.Ram.TryWrite(directory, Data | 0x83 | Dirty | kind));
        Assert.True(machine.Ram.TryWrite(Data + 0x5000, 1UL));
        Assert.True(machine.Ram.TryWrite(Data + 0x7000, 10UL));
        const ulong elsewhere = 0x80_0000;
        Assert.True(machine.Ram.TryWrite(elsewhere + 0x5000, 2UL));
        Assert.True(machine.Ram.TryWrite(elsewhere + 0x7000, 20UL));
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rax, __qword_ptr[Data + 0x5000]);
            c.mov(rax, __qword_ptr[Data + 0x7000]);
            c.mov(rax, elsewhere | 0x83 | Dirty | kind);
            c.mov(__qword_ptr[directory], rax);
            c.invlpg(__byte_ptr[Data + 0x1_0000]);
            c.mov(rbx, __qword_ptr[Data + 0x5000]);
            c.add(rbx, __qword_ptr[Data + 0x7000]);
        });
        Assert.Equal(22UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void A_page_that_became_code_is_not_written_through_the_second_level()
    {
        // mov eax, N; ret, written, run and written again while the page has no place: each run gives what was written last.
        const ulong routine = Data + 0x200;
        using BareMachine machine = new();
        CpuRegisters registers = machine.Run(c =>
        {
            Label turn = c.CreateLabel();
            c.mov(ecx, 100);
            c.xor(ebx, ebx);
            c.mov(__byte_ptr[routine], 0xB8);
            c.mov(__byte_ptr[routine + 5], 0xC3);
            c.Label(ref turn);
            c.mov(__dword_ptr[routine + 1], ecx);
            c.inc(__dword_ptr[routine + Apart]);
            c.mov(rdx, routine);
            c.call(rdx);
            c.add(ebx, eax);
            c.inc(__dword_ptr[routine + Apart]);
            c.dec(ecx);
            c.jne(turn);
        });
        Assert.Equal(5050UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void A_write_through_the_second_level_sets_the_dirty_bit()
    {
        using BareMachine machine = new();
        ulong entry = BareMachine.MapPage(machine.Ram, Data, Data | Present);
        CpuRegisters registers = machine.Run(c =>
        {
            c.mov(rax, __qword_ptr[Data]);
            c.inc(__dword_ptr[Data + Apart]);
            c.mov(rbx, __qword_ptr[(long)entry]);
            c.mov(__dword_ptr[Data + 8], ecx);
            c.mov(rsi, __qword_ptr[(long)entry]);

            // Once it has been cleared, and the page put out of its place, the next write sets it again.
            c.and(__qword_ptr[(long)entry], ~(int)Dirty);
            c.invlpg(__byte_ptr[Data]);
            c.mov(rax, __qword_ptr[Data]);
            c.inc(__dword_ptr[Data + Apart]);
            c.mov(__dword_ptr[Data + 8], ecx);
            c.mov(rdi, __qword_ptr[(long)entry]);
        });
        Assert.Equal(0UL, BareMachine.General(registers, GeneralRegister.Rbx) & Dirty);
        Assert.Equal(Dirty, BareMachine.General(registers, GeneralRegister.Rsi) & Dirty);
        Assert.Equal(Dirty, BareMachine.General(registers, GeneralRegister.Rdi) & Dirty);
    }

    [Fact]
    public void A_page_that_may_only_be_read_is_not_written_through_the_second_level()
    {
        using BareMachine machine = new();
        BareMachine.MapPage(machine.Ram, Data, Data | 1);
        machine.Route(14);
        CpuRegisters registers = machine.Run(
            c =>
            {
                c.mov(rax, __qword_ptr[Data]);
                c.inc(__dword_ptr[Data + Apart]);
                c.mov(__dword_ptr[Data], ecx);
            },
            handler: c =>
            {
                c.pop(rbx);
                c.mov(al, 1);
                c.@out(0xF4, al);
                c.hlt();
            });
        Assert.Equal(Data, registers.Cr2);
        Assert.Equal(3UL, BareMachine.General(registers, GeneralRegister.Rbx));
    }

    [Fact]
    public void Thousands_of_pages_are_walked_to_once()
    {
        // All pages of the RAM, again and again: more than the soft TLB has places for.
        const int pages = 6144;
        const int turns = 10;
        using BareMachine machine = new();
        machine.LetUsersIn();
        machine.Run(
            c =>
            {
                Label turn = c.CreateLabel();
                Label page = c.CreateLabel();
                c.mov(edx, turns);
                c.Label(ref turn);
                c.mov(rsi, Data);
                c.mov(ecx, pages);
                c.Label(ref page);
                c.add(rbx, __qword_ptr[rsi]);
                c.add(rsi, 4096);
                c.dec(ecx);
                c.jne(page);
                c.dec(edx);
                c.jne(turn);
            },
            prepare: BareMachine.AsUser);
        Assert.True(machine.Counters.TlbMisses < 3 * pages, $"{machine.Counters.TlbMisses} misses");
    }

    private static void Supervisor(BareMachine.CpuRegistersBox box)
    {
        // As it begins.
    }

    private static void ReloadTables(Assembler c)
    {
        c.mov(rax, cr3);
        c.mov(cr3, rax);
    }

    private static void ReadsAnew(BareMachine machine, ulong entry, Action<Assembler> forget)
    {
        Assert.Equal((1, 2), ReadTwice(machine, entry, forget));
        Assert.Equal((1, 2), ReadTwice(machine, entry, forget, hashed: true));
    }

    /// <summary>Reads a page, puts it out of its place, lets its entry name another, forgets it, and reads again.</summary>
    private static (int First, int Second) ReadTwice(BareMachine machine, ulong entry, Action<Assembler> forget, bool hashed = false)
    {
        Assert.True(machine.Ram.TryRead(entry, out ulong value));
        Assert.True(machine.Ram.TryWrite(entry, (value & ~(Data ^ Other)) | Data));
        Assert.True(machine.Ram.TryWrite(Data, 1UL));
        Assert.True(machine.Ram.TryWrite(Other, 2UL));
        CpuRegisters registers = machine.Run(c =>
        {
            if (hashed)
            {
                // Until the access looks into the other place.
                Label read = c.CreateLabel();
                Label changed = c.CreateLabel();
                c.xor(edx, edx);
                c.mov(ecx, 30_000);
                c.Label(ref read);
                c.mov(rdi, __qword_ptr[Data]);
                c.inc(__dword_ptr[Data + Apart]);
                c.dec(ecx);
                c.jg(read);
                c.inc(edx);
                c.cmp(edx, 2);
                c.je(changed);
                c.mov(rbp, rdi);
                c.xor(__qword_ptr[(long)entry], (int)(Data ^ Other));
                forget(c);
                c.mov(ecx, 1);
                c.jmp(read);
                c.Label(ref changed);
                c.mov(rbx, rbp);
                c.mov(rsi, rdi);
                return;
            }

            c.mov(rbx, __qword_ptr[Data]);
            c.inc(__dword_ptr[Data + Apart]);
            c.xor(__qword_ptr[(long)entry], (int)(Data ^ Other));
            forget(c);
            c.mov(rsi, __qword_ptr[Data]);
        });
        return ((int)BareMachine.General(registers, GeneralRegister.Rbx), (int)BareMachine.General(registers, GeneralRegister.Rsi));
    }
}
