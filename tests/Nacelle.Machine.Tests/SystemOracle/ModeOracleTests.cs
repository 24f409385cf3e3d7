using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Changes of mode, and task switches, on KVM and on the translator.</summary>
public sealed class ModeOracleTests(ITestOutputHelper output)
{
    private const ulong Back = SystemImage.Scratch + 0x20;
    private const uint Seen = (uint)SystemImage.Scratch + 0x100;
    private const uint OtherTask = (uint)SystemImage.TaskState + 0x800;
    private const uint TaskCode = 0xB800;

    [Fact]
    public void From_protected_mode_to_real_mode_and_back()
    {
        SystemImage image = new(ImageMode.Protected);
        int narrow = image.AddDescriptor(SystemImage.Segment(0, 0xFFFF, 0x9B, 0));
        int narrowData = image.AddDescriptor(SystemImage.Segment(0, 0xFFFF, 0x93, 0));
        const uint real = 0xB040;
        const uint protectedAgain = 0xB300;
        const uint interruptHandler = 0xB200;
        const uint faultHandler = 0xB280;
        const uint vectors = 0xC000;
        WritePseudo(image, SystemImage.Scratch + 0x80, vectors, 0x3FF);
        WritePseudo(image, SystemImage.Scratch + 0x90, (uint)SystemImage.DescriptorTable, 0xFFFF);
        WritePseudo(image, SystemImage.Scratch + 0xA0, (uint)SystemImage.InterruptTable, 0x7FF);
        image.Write(vectors + (0x21 * 4), BitConverter.GetBytes(interruptHandler));
        image.Write(vectors, BitConverter.GetBytes(faultHandler));
        image.Place(
            0xB000,
            c =>
            {
                // Limits and sizes of segments outlive the way to real mode.
                c.mov(ax, (short)narrowData);
                c.mov(ds, ax);
                c.mov(es, ax);
                c.mov(ss, ax);
                c.mov(eax, cr0);
                c.and(eax, ~1);
                c.mov(cr0, eax);
                c.db(0xEA, (byte)(real & 0xFF), (byte)(real >> 8), 0, 0);
            },
            16);
        image.Place(
            real,
            c =>
            {
                c.xor(ax, ax);
                c.mov(ds, ax);
                c.mov(es, ax);
                c.mov(ss, ax);
                c.mov(sp, 0x9E00);
                c.lidt(__[(ushort)(SystemImage.Scratch + 0x80)]);
                c.mov(__word_ptr[(ushort)Seen], cs);
                c.@int(0x21);
                c.mov(ax, 0x1234);
                c.xor(dx, dx);
                c.xor(cx, cx);
                c.div(cx);
                c.mov(__[(ushort)(Seen + 12)], sp);
                c.lgdt(__[(ushort)(SystemImage.Scratch + 0x90)]);
                c.lidt(__[(ushort)(SystemImage.Scratch + 0xA0)]);
                c.mov(eax, cr0);
                c.mov(__[(ushort)(Seen + 16)], eax);
                c.or(eax, 1);
                c.mov(cr0, eax);
                c.db(0x66, 0xEA, (byte)(protectedAgain & 0xFF), (byte)(protectedAgain >> 8), 0, 0, SystemImage.KernelCode, 0);
            },
            16);
        foreach ((uint handler, uint place, byte step) in (ReadOnlySpan<(uint, uint, byte)>)[(interruptHandler, Seen + 4, 0), (faultHandler, Seen + 8, 2)])
        {
            (uint address, byte distance) = (place, step);
            image.Place(
                handler,
                c =>
                {
                    c.mov(bp, sp);
                    c.mov(bx, __[bp]);
                    c.mov(__[(ushort)address], bx);
                    c.mov(bx, __[bp + 2]);
                    c.mov(__[(ushort)(address + 2)], bx);
                    c.add(__word_ptr[bp], distance);
                    c.iret();
                },
                16);
        }

        PlaceReturn(image, protectedAgain);
        image.Try("real mode and back", c => Leave(c, narrow, 0xB000));
        for (uint i = 0; i < 5; i++)
        {
            image.NoteWord(Seen + (i * 4), 6 + (int)i);
        }

        image.Compare(output, 0);
        Assert.Equal(SystemImage.Completed, image.RunOnTranslator().Records[0][0]);
    }

    [Fact]
    public void From_protected_mode_to_64_bit_mode_and_back()
    {
        SystemImage image = new(ImageMode.Protected);
        int wide = image.AddDescriptor(SystemImage.Segment(0, 0xFFFFF, 0x9B, 0xA));
        const uint compatible = 0xB400;
        const uint wideCode = 0xB500;
        const uint compatibleAgain = 0xB600;
        image.Write(SystemImage.Scratch + 0xB0, compatibleAgain | ((ulong)SystemImage.KernelCode << 32));
        image.Place(compatible, c =>
        {
            c.mov(eax, cr4);
            c.or(eax, 0x20);
            c.mov(cr4, eax);
            c.mov(eax, (int)SystemImage.PageMapLevel4);
            c.mov(cr3, eax);
            c.mov(ecx, 0xC000_0080);
            c.rdmsr();
            c.or(eax, 0x100);
            c.wrmsr();
            c.mov(eax, cr0);
            c.or(eax, unchecked((int)0x8000_0000));
            c.mov(cr0, eax);

            // Compatibility mode: 40H is INC EAX here, and a prefix in 64-bit code.
            c.mov(ecx, 0xC000_0080);
            c.rdmsr();
            c.mov(__[Seen], eax);
            c.mov(eax, 5);
            c.db(0x40);
            c.mov(__[Seen + 4], eax);
            c.db(0xEA, (byte)(wideCode & 0xFF), (byte)(wideCode >> 8), 0, 0, (byte)wide, 0);
        });
        image.Place(
            wideCode,
            c =>
            {
                Label here = c.CreateLabel();
                c.mov(r8, 0x1122_3344_5566_7788);
                c.mov(rax, r8);
                c.shr(rax, 32);
                c.mov(__[(ulong)Seen + 8], eax);
                c.lea(rax, __[here]);
                c.Label(ref here);
                c.mov(__[(ulong)Seen + 12], eax);
                c.mov(eax, 5);
                c.db(0x40, 0x90);
                c.mov(__[(ulong)Seen + 16], eax);
                c.mov(eax, cs);
                c.mov(__[(ulong)Seen + 20], eax);
                c.jmp(__fword_ptr[SystemImage.Scratch + 0xB0]);
            },
            64);
        image.Place(compatibleAgain, c =>
        {
            c.mov(eax, cs);
            c.mov(__[Seen + 24], eax);
            c.mov(eax, cr0);
            c.and(eax, 0x7FFF_FFFF);
            c.mov(cr0, eax);
            c.mov(ecx, 0xC000_0080);
            c.rdmsr();
            c.mov(__[Seen + 28], eax);
            c.and(eax, ~0x100);
            c.wrmsr();
            c.rdmsr();
            c.mov(__[Seen + 32], eax);
            c.mov(eax, cr4);
            c.and(eax, ~0x20);
            c.mov(cr4, eax);
            c.jmp(__fword_ptr[Back]);
        });
        image.Try("64-bit mode and back", c => Leave(c, SystemImage.KernelCode, compatible));
        for (uint i = 0; i < 9; i++)
        {
            image.NoteWord(Seen + (i * 4), 6 + (int)i);
        }

        image.Compare(output, 0);
        ulong[] record = image.RunOnTranslator().Records[0];
        Assert.Equal(SystemImage.Completed, record[0]);
        Assert.Equal(0x6_0000_0500UL, record[3]);
        Assert.Equal(0x1122_3344UL, (uint)record[4]);
        Assert.Equal(5UL, (uint)record[5]);
        Assert.Equal((ulong)wide, record[5] >> 32);
        Assert.Equal((ulong)SystemImage.KernelCode, (uint)record[6]);
        Assert.Equal(0x100UL, record[6] >> 32);
        Assert.Equal(0UL, (uint)record[7]);
    }

    /// <summary>
    /// Most KVMs leave task switches to their emulator, some of which know none; what the manual says of these is asserted as
    /// well (SDM volume 3, 8.3).
    /// </summary>
    [Fact]
    public void Task_switches()
    {
        const int busyAvailable = 0x2;
        SystemImage image = new(ImageMode.Protected);
        int task = image.AddDescriptor(SystemImage.Segment(OtherTask, 0x67, 0x89, 0));
        int absent = image.AddDescriptor(SystemImage.Segment(OtherTask, 0x67, 0x09, 0));
        int shortTask = image.AddDescriptor(SystemImage.Segment(OtherTask, 0x66, 0x89, 0));
        int gate = image.AddDescriptor(((ulong)task << 16) | (0x85UL << 40));
        image.SetGate(0x90, 0, 0x85, task);
        uint[] words = new uint[26];
        words[8] = TaskCode;
        words[9] = 2;
        words[14] = 0x5_8000;
        foreach ((int index, int selector) in (ReadOnlySpan<(int, int)>)
            [(18, SystemImage.KernelData), (19, SystemImage.KernelCode), (20, SystemImage.KernelData), (21, SystemImage.KernelData), (22, SystemImage.KernelData), (23, SystemImage.KernelData)])
        {
            words[index] = (uint)selector;
        }

        image.Write(OtherTask, [.. words.SelectMany(BitConverter.GetBytes)]);
        image.Place(TaskCode, c =>
        {
            c.pushfd();
            c.pop(__dword_ptr[Seen]);
            c.and(__dword_ptr[Seen], 0x4000);
            c.str(__word_ptr[Seen + 4]);
            c.movzx(eax, __word_ptr[OtherTask]);
            c.mov(__[Seen + 8], eax);
            c.mov(eax, esp);
            c.mov(__[Seen + 12], eax);
            c.movzx(eax, __byte_ptr[SystemImage.DescriptorTable + (ulong)task + 5]);
            c.mov(__[Seen + 16], eax);
            c.movzx(eax, __byte_ptr[SystemImage.DescriptorTable + SystemImage.TaskSelector + 5]);
            c.mov(__[Seen + 20], eax);
            c.test(__dword_ptr[Seen], 0x4000);
            Label jump = c.CreateLabel();
            c.je(jump);
            c.iretd();
            c.Label(ref jump);
            c.db(0xEA, 0, 0, 0, 0, SystemImage.TaskSelector, 0);
        });
        Switch(image, "call", [0x9A, 0, 0, 0, 0, (byte)task, (byte)(task >> 8)]);
        Switch(image, "jump", [0xEA, 0, 0, 0, 0, (byte)task, (byte)(task >> 8)]);
        Switch(image, "call through a gate", [0x9A, 0, 0, 0, 0, (byte)gate, (byte)(gate >> 8)]);
        Switch(image, "interrupt", [0xCD, 0x90]);
        Switch(image, "jump to itself, which is busy", [0xEA, 0, 0, 0, 0, SystemImage.TaskSelector, 0]);
        Switch(image, "jump to an absent task", [0xEA, 0, 0, 0, 0, (byte)absent, (byte)(absent >> 8)]);
        Switch(image, "jump to a task that is too short", [0xEA, 0, 0, 0, 0, (byte)shortTask, (byte)(shortTask >> 8)]);
        image.Compare(output, 0);

        IReadOnlyList<ulong[]> records = image.RunOnTranslator().Records;
        for (int i = 0; i < 4; i++)
        {
            bool nested = i != 1;
            string seen = $"{image.Names[i]}: {SystemImage.Describe(records[i])}";
            Assert.True(records[i][0] == SystemImage.Completed, seen);
            Assert.True((uint)records[i][3] == (nested ? 0x4000u : 0), seen);
            Assert.True(records[i][3] >> 32 == (ulong)task, seen);
            Assert.True((uint)records[i][4] == (nested ? (uint)SystemImage.TaskSelector : 0) || !nested, seen);
            Assert.True(records[i][4] >> 32 == 0x5_8000, seen);
            Assert.True((records[i][5] & busyAvailable) != 0, seen);
            Assert.True((records[i][5] >> 32 & busyAvailable) == (nested ? 2UL : 0), seen);

            // Afterwards this task is the busy one.
            Assert.True((records[i][6] & busyAvailable) == 0 && (records[i][6] >> 32 & busyAvailable) != 0, seen);
        }

        Assert.Equal((13UL, (ulong)SystemImage.TaskSelector), (records[4][0], records[4][1]));
        Assert.Equal((11UL, (ulong)absent), (records[5][0], records[5][1]));
        Assert.Equal((10UL, (ulong)shortTask), (records[6][0], records[6][1]));

        void Switch(SystemImage into, string name, byte[] bytes)
        {
            into.Assembler.mov(__dword_ptr[OtherTask + 32], (int)TaskCode);
            into.Assembler.mov(__dword_ptr[OtherTask + 36], 2);
            into.Assembler.mov(__dword_ptr[OtherTask + 56], 0x5_8000);
            into.Try(name, c =>
            {
                c.db(bytes);
                c.xor(eax, eax);
                c.xor(edx, edx);
            });
            for (uint i = 0; i < 6; i++)
            {
                into.NoteWord(Seen + (i * 4), 6 + (int)i);
                into.Assembler.mov(__dword_ptr[Seen + (i * 4)], 0);
            }

            into.Assembler.movzx(eax, __byte_ptr[SystemImage.DescriptorTable + (ulong)task + 5]);
            into.Assembler.mov(__[Seen], eax);
            into.NoteWord(Seen, 12);
            into.Assembler.movzx(eax, __byte_ptr[SystemImage.DescriptorTable + SystemImage.TaskSelector + 5]);
            into.Assembler.mov(__[Seen], eax);
            into.NoteWord(Seen, 13);
        }
    }

    private static void WritePseudo(SystemImage image, ulong place, uint @base, ushort limit) =>
        image.Write(place, [.. BitConverter.GetBytes(limit), .. BitConverter.GetBytes(@base)]);

    private static void PlaceReturn(SystemImage image, uint place) => image.Place(place, c =>
    {
        c.mov(eax, SystemImage.KernelData);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(ss, eax);
        c.jmp(__fword_ptr[Back]);
    });

    /// <summary>Goes to code that comes back through <see cref="Back"/>, with the stack pointer as it was.</summary>
    private static void Leave(Assembler c, int selector, uint place)
    {
        Label over = c.CreateLabel();
        Label end = c.CreateLabel();
        c.mov(__[Back + 8], esp);
        c.call(over);
        c.jmp(end);
        c.Label(ref over);
        c.pop(__dword_ptr[Back]);
        c.mov(__dword_ptr[Back + 4], SystemImage.KernelCode);
        c.db(0xEA, (byte)place, (byte)(place >> 8), 0, 0, (byte)selector, (byte)(selector >> 8));
        c.Label(ref end);
        c.mov(esp, __[Back + 8]);
        c.xor(eax, eax);
        c.xor(edx, edx);
    }
}
