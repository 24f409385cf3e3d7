using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>
/// What a task switch finds in the new task, and virtual-8086 tasks. Emulators inside KVM know little of either, so the
/// translator is held against the manual (SDM volume 3, 8.3 and chapter 20).
/// </summary>
public sealed class TaskSwitchTests(ITestOutputHelper output)
{
    private const uint Task = (uint)SystemImage.TaskState + 0x800;
    private const uint Entry = (uint)SystemImage.UserArea + 0x1F_0000;
    private const uint InnerStack = 0x5_8000;
    private const ushort Paragraph = 0xE00;
    private const int Flags = 9;
    private const int Cs = 19;
    private const int Ss = 20;
    private const int Ds = 21;
    private const int LocalTable = 24;
    private const int Trap = 25;

    /// <summary>Where each word of a 32-bit TSS comes in the image's tests: index and value.</summary>
    private static uint[] Words()
    {
        uint[] words = new uint[26];
        words[1] = InnerStack;
        words[2] = SystemImage.KernelData;
        words[8] = Entry;
        words[Flags] = 2;
        words[14] = 0x1234;
        words[18] = words[Ss] = words[Ds] = words[22] = words[23] = SystemImage.UserData;
        words[Cs] = SystemImage.UserCode;

        // No map of ports.
        words[Trap] = 0x68 << 16;
        return words;
    }

    [Fact]
    public void Contents_of_the_new_task()
    {
        SystemImage image = new(ImageMode.Protected);
        int task = image.AddDescriptor(SystemImage.Segment(Task, 0x67, 0x89, 0));
        int absentCode = image.AddDescriptor(SystemImage.Segment(0, 0xFFFFF, 0x7B, 0xC));
        int absentData = image.AddDescriptor(SystemImage.Segment(0, 0xFFFFF, 0x73, 0xC));
        int shortCode = image.AddDescriptor(SystemImage.Segment(0, 0xFFF, 0xFB, 0x4));
        int unreadable = image.AddDescriptor(SystemImage.Segment(0, 0xFFFFF, 0xF9, 0xC));
        int localTable = image.AddDescriptor(SystemImage.Segment(Task, 0x7, 0x82, 0));
        image.Place(Entry, c =>
        {
            c.mov(eax, esp);
            c.ud2();
        });
        (string Name, int Index, int Value, ulong Vector, int Error)[] changes =
        [
            ("nothing", 0, 0, 6, 0),
            ("a local table", LocalTable, localTable, 6, 0),
            ("a local table of its own", LocalTable, localTable | 4, 10, localTable | 4),
            ("a local table that is none", LocalTable, SystemImage.KernelData, 10, SystemImage.KernelData),
            ("a local table beyond the GDT's end", LocalTable, 0xFFFB & ~4, 10, 0xFFF8),
            ("null CS", Cs, 3, 10, 0),
            ("data as CS", Cs, SystemImage.UserData, 10, SystemImage.UserData & ~3),
            ("inner CS", Cs, SystemImage.KernelCode | 3, 10, SystemImage.KernelCode),
            ("absent CS", Cs, absentCode | 3, 11, absentCode),
            ("short CS", Cs, shortCode | 3, 13, 0),
            ("null SS", Ss, 0, 10, 0),
            ("inner SS", Ss, SystemImage.KernelData, 10, SystemImage.KernelData),
            ("code as SS", Ss, SystemImage.UserCode, 10, SystemImage.UserCode & ~3),
            ("absent SS", Ss, absentData | 3, 12, absentData),
            ("null DS", Ds, 0, 6, 0),
            ("inner DS", Ds, SystemImage.KernelData, 10, SystemImage.KernelData),
            ("unreadable DS", Ds, unreadable | 3, 10, unreadable),
            ("absent DS", Ds, absentData | 3, 11, absentData),
            ("the trap bit", Trap, 1, 1, 0),
            ("single step", Flags, 0x102, 1, 0),
        ];
        foreach ((string name, int index, int value, ulong _, int _) in changes)
        {
            uint[] words = Words();
            words[index] = index == 0 ? words[0] : (uint)value;
            Attempt(image, task, name, words, "jump");
        }

        IReadOnlyList<ulong[]> records = Run(image);
        for (int i = 0; i < changes.Length; i++)
        {
            string seen = $"{changes[i].Name}: {SystemImage.Describe(records[i])}";
            Assert.True((records[i][0], (uint)records[i][1]) == (changes[i].Vector, (uint)changes[i].Error), seen);
            ulong after = changes[i].Name == "single step" || changes[i].Vector == 6 ? 2UL : 0;
            Assert.True(records[i][2] == Entry + after, seen);
            Assert.True(changes[i].Name != "the trap bit" || (records[i][7] & 0x8000) != 0, seen);
            Assert.True(changes[i].Vector != 6 || records[i][7] == 0x1234, seen);
        }
    }

    [Fact]
    public void Tasks_of_16_bits()
    {
        SystemImage image = new(ImageMode.Protected);
        int task = image.AddDescriptor(SystemImage.Segment(Task, 0x2B, 0x81, 0));
        int code = image.AddDescriptor(SystemImage.Segment(Entry, 0xFFFF, 0xFB, 0x4)) | 3;
        const ushort innerStack = 0xFF00;
        image.Place(Entry + 0x40, c =>
        {
            c.mov(eax, esp);
            c.xor(edx, edx);
            c.mov(edx, fs);
            c.ud2();
        });
        ushort[] words = new ushort[22];
        words[1] = innerStack;
        words[2] = SystemImage.KernelData;
        words[7] = 0x40;
        words[8] = 2;
        words[13] = 0x4321;
        words[17] = words[19] = words[20] = SystemImage.UserData;
        words[18] = (ushort)code;
        uint[] packed = [.. Enumerable.Range(0, 11).Select(i => words[i * 2] | ((uint)words[(i * 2) + 1] << 16))];
        Attempt(image, task, "jump to a 16-bit task", packed, "jump");
        ulong[] record = Run(image)[0];
        string seen = SystemImage.Describe(record);
        Assert.True(record[0] == 6 && record[2] == 0x40 + 6 && (ushort)record[3] == code, seen);
        Assert.True(record[7] == 0x4321 && record[6] == 0, seen);
    }

    [Fact]
    public void Virtual_8086_tasks()
    {
        SystemImage image = new(ImageMode.Protected);
        int task = image.AddDescriptor(SystemImage.Segment(Task, 0x67, 0x89, 0));
        (string Name, uint Flags, Action<Assembler> Emit, ulong Vector, uint Error, uint Offset)[] attempts =
        [
            ("UD2", 0, c => c.ud2(), 6, 0, 0),
            ("store and load", 0, c => InstructionSequence.Sequence(c, () => c.mov(ax, 0x77), () => c.mov(__[bx + 0x100], ax), () => c.mov(dx, __[bx + 0x100]), () => c.ud2()), 6, 0, 11),
            ("write to CS", 0, c => InstructionSequence.Sequence(c, () => c.mov(__.cs[bx + 0x100], ax), () => c.ud2()), 6, 0, 5),
            ("word across the end", 0, c => InstructionSequence.Sequence(c, () => c.mov(bx, 0xFFFF), () => c.mov(ax, __[bx])), 13, 0, 3),
            ("push at 1", 0, c => InstructionSequence.Sequence(c, () => c.mov(sp, 1), () => c.push(ax)), 12, 0, 3),
            ("CLI", 0, c => c.cli(), 13, 0, 0),
            ("PUSHF", 0, c => c.pushf(), 13, 0, 0),
            ("POPF", 0, c => c.popf(), 13, 0, 0),
            ("INT", 0, c => c.@int(0x21), 13, 0, 0),
            ("IRET", 0, c => c.iret(), 13, 0, 0),
            ("HLT", 0, c => c.hlt(), 13, 0, 0),
            ("IN", 0x3000, c => c.@in(al, 0x80), 13, 0, 0),
            ("INT3", 0, c => c.int3(), 13, (3 * 8) | 2, 0),
            ("LTR", 0x3000, c => c.ltr(ax), 6, 0, 0),
            ("flags with IOPL 3", 0x3000, c => InstructionSequence.Sequence(c, () => c.cli(), () => c.pushf(), () => c.popf(), () => c.sti(), () => c.ud2()), 6, 0, 4),
            ("INT with IOPL 3", 0x3000, c => c.@int(0x21), 13, (0x21 * 8) | 2, 0),
            ("IRET with IOPL 3", 0x3000, c => InstructionSequence.Sequence(c, () => c.pushf(), () => c.push(cs), () => c.push(0x20), () => c.iret()), 6, 0, 0x20),
            ("far jump", 0, c => c.db(0xEA, 0x20, 0, Paragraph & 0xFF, Paragraph >> 8), 6, 0, 0x20),
            ("selectors", 0, c => InstructionSequence.Sequence(c, () => c.mov(ax, 0x1234), () => c.mov(es, ax), () => c.mov(dx, es), () => c.ud2()), 6, 0, 7),
        ];
        uint place = Paragraph * 16;
        for (int i = 0; i < attempts.Length; i++)
        {
            Action<Assembler> emit = attempts[i].Emit;
            image.Place(place + 0x1000 + ((uint)i * 0x40), emit, 16);
            uint[] words = Words();
            words[8] = 0x1000 + ((uint)i * 0x40);
            words[Flags] = 0x2_0002 | attempts[i].Flags;
            words[Cs] = Paragraph;
            words[14] = 0x800;
            words[18] = words[Ss] = words[Ds] = Paragraph + 0x10;
            Attempt(image, task, attempts[i].Name, words, "jump");
        }

        image.Write(place + 0x20, 0x0F, 0x0B);
        IReadOnlyList<ulong[]> records = Run(image);
        for (int i = 0; i < attempts.Length; i++)
        {
            string seen = $"{attempts[i].Name}: {SystemImage.Describe(records[i])}";
            uint begin = attempts[i].Offset == 0x20 ? 0 : 0x1000 + ((uint)i * 0x40);
            Assert.True((records[i][0], (uint)records[i][1]) == (attempts[i].Vector, attempts[i].Error), seen);
            Assert.True(records[i][2] == begin + attempts[i].Offset && (ushort)records[i][3] == Paragraph, seen);
            Assert.True((records[i][4] & Nacelle.Cpu.RflagsBits.Virtual8086) != 0, seen);
        }
    }

    /// <summary>IRETD at level 0 enters virtual-8086 mode, whose exceptions come back with all segments on the stack.</summary>
    [Fact]
    public void Return_to_virtual_8086_mode()
    {
        SystemImage image = new(ImageMode.Protected);
        image.Write(Paragraph * 16, 0x8C, 0xE2, 0x0F, 0x0B);
        image.Try("IRETD with VM", c =>
        {
            foreach (int word in (int[])[0x5555, 0x4444, 0x3333, 0x2222, Paragraph, 0x700, 0x2_0002, Paragraph, 0])
            {
                c.push(word);
            }

            c.xor(edx, edx);
            c.iretd();
        });

        // GS, FS, DS and ES lie above SS.
        image.Assembler.mov(eax, __[SystemImage.ExceptionStackTop - 4]);
        image.Assembler.mov(__[SystemImage.Scratch], eax);
        image.NoteWord(SystemImage.Scratch, 12);
        ulong[] record = Run(image)[0];
        string seen = SystemImage.Describe(record);
        Assert.True(record[0] == 6 && record[2] == 2 && (ushort)record[3] == Paragraph, seen);
        Assert.True((uint)record[6] == 0x5555, seen);
    }

    /// <summary>Goes to the task with these words in its TSS; before, the first task is the running one again.</summary>
    private static void Attempt(SystemImage image, int task, string name, uint[] words, string how)
    {
        Assembler c = image.Assembler;
        for (int i = 0; i < words.Length; i++)
        {
            c.mov(__dword_ptr[Task + (i * 4)], words[i]);
        }

        c.and(__byte_ptr[SystemImage.DescriptorTable + (ulong)task + 5], 0xFD);
        c.and(__byte_ptr[SystemImage.DescriptorTable + SystemImage.TaskSelector + 5], 0xFD);
        c.mov(eax, SystemImage.TaskSelector);
        c.ltr(ax);
        c.xor(eax, eax);
        c.lldt(ax);
        image.Try($"{how}, {name}", a => a.db(0xEA, 0, 0, 0, 0, (byte)task, (byte)(task >> 8)));
    }

    private IReadOnlyList<ulong[]> Run(SystemImage image)
    {
        ImageRun run = image.RunOnTranslator();
        foreach ((string name, ulong[] record) in image.Names.Zip(run.Records))
        {
            output.WriteLine($"{name}: {SystemImage.Describe(record)}");
        }

        Assert.True(run.Records.Count == image.Names.Count, run.ToString());
        return run.Records;
    }
}
