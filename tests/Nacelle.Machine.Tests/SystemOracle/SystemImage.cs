using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>How an image begins.</summary>
internal enum ImageMode
{
    /// <summary>64-bit mode at privilege level 0, paged.</summary>
    Long,

    /// <summary>32-bit protected mode at privilege level 0, without paging.</summary>
    Protected,
}

/// <summary>
/// A small program for a bare machine that tries system instructions one by one and leaves a record of each: what it raised,
/// with the exception's frame, or what it computed. The same image runs on KVM and on the translator.
/// </summary>
internal sealed partial class SystemImage
{
    public const ulong PageMapLevel4 = 0x1000;
    public const ulong DirectoryPointers = 0x2000;
    public const ulong Directory = 0x3000;
    public const ulong TestTable = 0x4000;
    public const ulong DescriptorTable = 0x7_0000;
    public const ulong InterruptTable = 0x7000;
    public const ulong TaskState = 0x8000;
    public const ulong Scratch = 0xA000;
    public const ulong StackTop = 0x6_0000;
    public const ulong ExceptionStackTop = 0x5_0000;

    /// <summary>Two MiB that privilege level 3 may use.</summary>
    public const ulong UserArea = 0x60_0000;

    /// <summary>Two MiB by the entries of <see cref="TestTable"/>, which lead to <see cref="TestFrame"/>.</summary>
    public const ulong TestArea = 0x80_0000;
    public const ulong TestFrame = 0x40_0000;

    public const int KernelCode = 0x08;
    public const int KernelData = 0x10;
    public const int OtherCode = 0x18;
    public const int UserData = 0x23;
    public const int UserCode = 0x2B;
    public const int UserOtherCode = 0x33;
    public const int TaskSelector = 0x38;
    public const int RecordSize = 64;

    /// <summary>Vector of a record without an exception.</summary>
    public const ulong Completed = 0x100;

    /// <summary>Vector of a record of what KVM's emulator does not know.</summary>
    public const ulong NotEmulated = 0x200;

    /// <summary>Vector of a record of a shutdown.</summary>
    public const ulong Shutdown = 0x201;

    private const ulong Handlers = 0x3_0000;
    private const ulong CommonHandler = 0x2_0000;
    private const ulong Variables = 0x9000;
    private const ulong LogPointer = Variables;
    private const ulong RecoveryAddress = Variables + 8;
    private const ulong RecoveryStack = Variables + 16;
    private const ulong DataSelector = Variables + 24;
    private const ulong Log = 0x10_0000;
    private const ulong Code = 0x20_0000;
    private const int MostRecords = 0xF_0000 / RecordSize;
    private const int HandlerSize = 16;
    private const ushort EndPort = 0xF4;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly ImageMode _mode;
    private readonly Assembler _assembler;
    private readonly List<(ulong Address, byte[] Bytes)> _pieces = [];
    private readonly List<string> _names = [];
    private ulong _nextUserCode = UserArea;
    private ulong _nextDescriptor = 0x50;

    public SystemImage(ImageMode mode)
    {
        _mode = mode;
        _assembler = new Assembler(Bitness);
        WriteTables();
        Place(CommonHandler, mode == ImageMode.Long ? EmitLongHandler : EmitProtectedHandler);
        for (int vector = 0; vector < 256; vector++)
        {
            int number = vector;
            Place(Handlers + ((ulong)vector * HandlerSize), c =>
            {
                if (number is not (8 or (>= 10 and <= 14) or 17 or 21))
                {
                    c.push(0);
                }

                c.push(number);
                c.jmp(CommonHandler);
            });
            SetGate(vector, Handlers + ((ulong)vector * HandlerSize));
        }

    }

    /// <summary>16, 32 or 64.</summary>
    public int Bitness => _mode == ImageMode.Long ? 64 : 32;

    /// <summary>What assembles the main program.</summary>
    public Assembler Assembler => _assembler;

    /// <summary>Changes the registers that it begins with.</summary>
    public Action<RegistersBox>? Prepare { get; set; }

    /// <summary>What was tried, in order of the records.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>Puts bytes into the image.</summary>
    public void Write(ulong address, params byte[] bytes) => _pieces.Add((address, bytes));

    /// <summary>Puts a number into the image.</summary>
    public void Write(ulong address, ulong value) => Write(address, BitConverter.GetBytes(value));

    /// <summary>Assembles code to a place.</summary>
    public void Place(ulong address, Action<Assembler> program, int? bitness = null)
    {
        Assembler assembler = new(bitness ?? Bitness);
        program(assembler);
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        Write(address, stream.ToArray());
    }

    /// <summary>Leads a vector to an address.</summary>
    /// <param name="vector">The vector.</param>
    /// <param name="handler">Where its handler is.</param>
    /// <param name="attributes">Access byte: present, privilege level, type.</param>
    /// <param name="selector">Code segment.</param>
    public void SetGate(int vector, ulong handler, int attributes = 0x8E, int selector = KernelCode)
    {
        ulong low = (handler & 0xFFFF) | ((ulong)selector << 16) | ((ulong)attributes << 40) | ((handler >> 16 & 0xFFFF) << 48);
        if (_mode == ImageMode.Long)
        {
            Write(InterruptTable + ((ulong)vector * 16), low);
            Write(InterruptTable + ((ulong)vector * 16) + 8, handler >> 32);
        }
        else
        {
            Write(InterruptTable + ((ulong)vector * 8), low);
        }
    }

    /// <summary>Where the handler of a vector begins.</summary>
    public static ulong HandlerOf(int vector) => Handlers + ((ulong)vector * HandlerSize);

    /// <summary>Adds a descriptor to the GDT.</summary>
    /// <param name="words">Eight bytes each.</param>
    /// <returns>The selector.</returns>
    public int AddDescriptor(params ulong[] words)
    {
        int selector = (int)_nextDescriptor;
        Assert.True(selector < 0xFFF0, "too many descriptors");
        foreach (ulong word in words)
        {
            Write(DescriptorTable + _nextDescriptor, word);
            _nextDescriptor += 8;
        }

        return selector;
    }

    /// <summary>A code or data segment's descriptor.</summary>
    public static ulong Segment(uint @base, uint limit, int access, int flags) =>
        (limit & 0xFFFF) | ((ulong)(@base & 0xFFFFFF) << 16) | ((ulong)(uint)access << 40) | ((ulong)(limit >> 16 & 0xF) << 48)
        | ((ulong)(uint)flags << 52) | ((ulong)(@base >> 24) << 56);

    /// <summary>Tries something. Where it raises nothing, RAX and RDX are left in the record, or what it leaves itself.</summary>
    public void Try(string name, Action<Assembler> attempt)
    {
        Assembler c = _assembler;
        Label next = Begin(name);
        attempt(c);
        if (_mode == ImageMode.Long)
        {
            c.push(rdi);
            c.mov(rdi, __[LogPointer]);
            c.mov(__qword_ptr[rdi], (int)Completed);
            c.mov(__[rdi + 8], rax);
            c.mov(__[rdi + 16], rdx);
            c.add(__qword_ptr[LogPointer], RecordSize);
            c.pop(rdi);
        }
        else
        {
            c.push(edi);
            c.mov(edi, __[LogPointer]);
            c.mov(__dword_ptr[edi], (int)Completed);
            c.mov(__[edi + 8], eax);
            c.mov(__[edi + 16], edx);
            c.add(__dword_ptr[LogPointer], RecordSize);
            c.pop(edi);
        }

        c.Label(ref next);
        c.nop();
    }

    /// <summary>
    /// Tries something at privilege level 3, in 64-bit code or what the other code segment is. UD2 follows, whose record tells
    /// by RIP that it was reached, and has RAX and RDX.
    /// </summary>
    public void TryAsUser(string name, Action<Assembler> attempt, int flags = 2, bool other = false)
    {
        ulong place = _nextUserCode;
        int bitness = _mode == ImageMode.Long && !other ? 64 : 32;
        Place(
            place,
            c =>
            {
                attempt(c);
                c.ud2();
            },
            bitness);
        _nextUserCode += 0x80;
        Label next = Begin(name);
        EnterUser(place, flags, other ? UserOtherCode : UserCode);
        _assembler.Label(ref next);
        _assembler.nop();
    }

    /// <summary>Goes to code at privilege level 3.</summary>
    public void EnterUser(ulong place, int flags, int code)
    {
        Assembler c = _assembler;
        const int userStack = (int)UserArea + 0x10_0000;
        if (_mode == ImageMode.Long)
        {
            c.push(UserData);
            c.push(userStack);
            c.push(flags);
            c.push(code);
            c.push((int)place);
            c.iretq();
        }
        else
        {
            // SYSEXIT, because KVM's emulator knows no IRET in protected mode.
            c.mov(eax, UserData);
            c.mov(ds, eax);
            c.mov(es, eax);
            c.push(flags);
            c.popfd();
            c.mov(ecx, userStack);
            c.mov(edx, (int)place);
            c.sysexit();
        }
    }

    /// <summary>Puts a register into the last record.</summary>
    public void Note(AssemblerRegister64 register)
    {
        _assembler.mov(rdi, __[LogPointer]);
        _assembler.mov(__[rdi - 8], register);
    }

    /// <summary>Puts a number in memory into the last record, at one of its last words.</summary>
    public void NoteWord(ulong address, int word)
    {
        Assembler c = _assembler;
        c.mov(edi, __[LogPointer]);
        c.mov(eax, __[address]);
        c.mov(__[edi - RecordSize + (word * 4)], eax);
    }

    private Label Begin(string name)
    {
        Assert.True(_names.Count < MostRecords, "too many records");
        _names.Add(name);
        Assembler c = _assembler;
        Label next = c.CreateLabel();
        if (_mode == ImageMode.Long)
        {
            c.lea(rax, __[next]);
            c.mov(__[RecoveryAddress], rax);
            c.mov(__[RecoveryStack], rsp);
        }
        else
        {
            c.mov(__dword_ptr[RecoveryStack], esp);

            // The address of a jump to what follows: by a call, as there is no relative addressing here.
            Label over = c.CreateLabel();
            c.call(over);
            c.jmp(next);
            c.Label(ref over);
            c.pop(__dword_ptr[RecoveryAddress]);
        }

        return next;
    }

    private void WriteTables()
    {
        Write(PageMapLevel4, DirectoryPointers | 7);
        Write(DirectoryPointers, Directory | 7);
        for (ulong i = 0; i < 3; i++)
        {
            Write(Directory + (i * 8), (i << 21) | 0x83);
        }

        Write(Directory + (UserArea >> 21 << 3), UserArea | 0x87);
        Write(Directory + (TestArea >> 21 << 3), TestTable | 7);
        for (ulong i = 0; i < 512; i++)
        {
            Write(TestTable + (i * 8), (TestFrame + (i << 12)) | 7);
        }

        // The GDT may be marked accessed from the start; tests add descriptors that are not.
        bool isLong = _mode == ImageMode.Long;
        Write(DescriptorTable + KernelCode, Segment(0, 0xFFFFF, 0x9B, isLong ? 0xA : 0xC));
        Write(DescriptorTable + KernelData, Segment(0, 0xFFFFF, 0x93, 0xC));

        // SYSEXIT finds its segments 16 and 24 bytes behind the kernel's.
        Write(DescriptorTable + OtherCode, Segment(0, 0xFFFFF, isLong ? 0x9B : 0xFB, 0xC));
        Write(DescriptorTable + (UserData & ~7), Segment(0, 0xFFFFF, 0xF3, 0xC));
        Write(DescriptorTable + (UserCode & ~7), Segment(0, 0xFFFFF, 0xFB, isLong ? 0xA : 0xC));
        Write(DescriptorTable + (UserOtherCode & ~7), Segment(0, 0xFFFFF, 0xFB, 0xC));
        Write(DescriptorTable + TaskSelector, Segment((uint)TaskState, 0x67, 0x8B, 0));
        Write(TaskState + 4, isLong ? ExceptionStackTop : ExceptionStackTop | ((ulong)KernelData << 32));
        Write(TaskState + 0x64, 0x68_0000_0000_0000UL >> 32 << 16);
    }
}
