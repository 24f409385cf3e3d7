using System.Text;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Kvm;
using Nacelle.Memory;
using Nacelle.Translation;
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
internal sealed class SystemImage
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

    /// <summary>Runs it on KVM.</summary>
    public ImageRun RunOnKvm() => Run(bus => new KvmAccelerator(bus, 1));

    /// <summary>Runs it on the translator.</summary>
    public ImageRun RunOnTranslator() => Run(bus => new TranslatorAccelerator(bus, new TranslatorOptions { CodeCacheBytes = 16 << 20 }));

    /// <summary>Runs it on both, and wants the same of both.</summary>
    /// <param name="exceptions">Beginnings of the names of what differs, with the reason: where KVM does not do what the manual says, and the gaps of the translator.</param>
    /// <param name="output">Where the counts go.</param>
    /// <param name="least">How many have to be comparable at least, of a hundred.</param>
    public void Compare(ITestOutputHelper output, int least, params (string Begin, string Reason)[] exceptions)
    {
        ImageRun translator = RunOnTranslator();
        Assert.True(
            translator.Ending == VirtualCpuExitReason.Requested && translator.Records.Count == _names.Count,
            $"the translator ended with {translator} after '{(translator.Records.Count == 0 ? "nothing" : _names[Math.Min(translator.Records.Count, _names.Count) - 1])}', {translator.Records.Count} of {_names.Count}");
        KvmProbe probe = KvmHost.Probe();
        Assert.SkipUnless(probe.Availability == KvmAvailability.Available, probe.Reason ?? "no KVM");
        ImageRun kvm = RunOnKvm();
        StringBuilder differences = new();
        int excepted = 0;
        int unknown = 0;
        int count = 0;
        for (int i = 0; i < _names.Count; i++)
        {
            if (i >= kvm.Records.Count)
            {
                differences.AppendLine($"{_names[i]}: KVM came no further: {kvm}");
                count++;
                break;
            }

            if (kvm.Records[i].AsSpan().SequenceEqual(translator.Records[i]))
            {
                continue;
            }

            if (kvm.Records[i][0] == NotEmulated)
            {
                unknown++;
                continue;
            }

            if (exceptions.Any(entry => _names[i].StartsWith(entry.Begin, StringComparison.Ordinal)))
            {
                excepted++;
                continue;
            }

            count++;
            if (count <= 60)
            {
                differences.AppendLine($"{_names[i]}:\n  KVM        {Describe(kvm.Records[i])}\n  translator {Describe(translator.Records[i])}");
            }
        }

        output.WriteLine($"{_names.Count} compared, {count} differ, {excepted} differ as listed, {unknown} are not known to the host's emulator{(_firstRefusal is null ? "" : $", the first: {_firstRefusal}")}");
        Assert.True((_names.Count - unknown - excepted) * 100 >= least * _names.Count, $"the host's KVM could run {_names.Count - unknown - excepted} of {_names.Count} only");
        Assert.True(translator.Records.Count(record => record[0] == Shutdown) * 2 < _names.Count + 4, "most attempts end in a shutdown");
        output.WriteLine($"seen: {string.Join(", ", translator.Records.GroupBy(record => record[0]).OrderBy(group => group.Key).Select(group => $"{group.Count()} × vector {group.Key}"))}");
        Assert.True(differences.Length == 0, $"{count} of {_names.Count} differ\n{differences}");
    }

    /// <summary>A record in words.</summary>
    public static string Describe(ulong[] record) => record[0] == Shutdown ? "shutdown" : record[0] == NotEmulated ? "not emulated"
        : record[0] == Completed
        ? $"completed: {string.Join(' ', record[1..].Select(word => word.ToString("x")))}"
        : $"vector {record[0]} error 0x{record[1]:x} rip 0x{record[2]:x} cs 0x{(ushort)record[3]:x} ss 0x{record[3] >> 32:x} "
            + $"flags 0x{record[4]:x} rsp 0x{record[5]:x} cr2 0x{record[6]:x} extra 0x{record[7]:x}";

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

    private ImageRun Run(Func<MachineBus, IAccelerator> create)
    {
        using GuestMemory ram = new([(0, 16 << 20)]);
        AddressSpace ports = new("port");
        using IAccelerator accelerator = create(new MachineBus(ram, new AddressSpace("memory"), ports));
        IVirtualCpu processor = accelerator.CreateVirtualCpu(
            new VirtualCpuConfiguration(0, 0, CpuidModels.ForTranslator(0, 0, 1), null));
        EndDevice end = new(processor);
        ports.Map(EndPort, 1, "end", end);
        Assembler c = _assembler;
        foreach ((ulong address, byte[] bytes) in _pieces)
        {
            Assert.True(ram.TryWrite(address, bytes));
        }

        Assert.True(ram.TryWrite(Code, Assembled()));
        Assert.True(ram.TryWrite(LogPointer, Log));
        Assert.True(ram.TryWrite(DataSelector, (ushort)KernelData));
        RegistersBox box = new();
        processor.ReadState(out box.Value);
        InitialState(ref box.Value);
        Prepare?.Invoke(box);
        processor.WriteState(box.Value);
        Task<VirtualCpuExit> run = Task.Factory.StartNew(
            () => RunToEnd(processor, ram, accelerator.Name == "kvm"),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        bool inTime = run.Wait(s_patience);
        if (!inTime)
        {
            processor.RequestExit();
            Assert.True(run.Wait(s_patience), $"{accelerator.Name} does not stop");
        }

        processor.ReadState(out CpuRegisters registers);
        Assert.True(ram.TryRead(LogPointer, out ulong last));
        List<ulong[]> records = [];
        for (ulong address = Log; address < last; address += RecordSize)
        {
            ulong[] record = new ulong[RecordSize / 8];
            for (int i = 0; i < record.Length; i++)
            {
                Assert.True(ram.TryRead(address + (ulong)(i * 8), out record[i]));
            }

            records.Add(record);
        }

        byte[] scratch = new byte[32];
        Assert.True(ram.TryRead(Scratch + 0x100, scratch));
        string how = !inTime ? "no end" : end.Ended ? "its end" : run.Result.Detail ?? "";
        return new ImageRun(run.Result.Reason, $"{run.Result.Reason} ({how}) at 0x{registers.Rip:x}, scratch {Convert.ToHexString(scratch)}", records);
    }

    /// <summary>Goes on with the next attempt after a shutdown, and after what KVM's emulator does not know.</summary>
    private VirtualCpuExit RunToEnd(IVirtualCpu processor, GuestMemory ram, bool forgiving)
    {
        while (true)
        {
            VirtualCpuExit exit = processor.Run();
            bool refused = exit.Reason == VirtualCpuExitReason.Failed && forgiving;
            if (exit.Reason != VirtualCpuExitReason.Shutdown && !refused)
            {
                return exit;
            }

            Assert.True(ram.TryRead(LogPointer, out ulong log));
            Assert.True(ram.TryRead(RecoveryAddress, out ulong recovery));
            if (recovery == 0 || log >= Log + (RecordSize * (ulong)_names.Count))
            {
                return exit;
            }

            _firstRefusal ??= refused ? exit.Detail : null;
            Assert.True(ram.TryWrite(log, refused ? NotEmulated : Shutdown));
            Assert.True(ram.TryWrite(LogPointer, log + RecordSize));
            Assert.True(ram.TryRead(RecoveryStack, out ulong stack));
            RegistersBox box = new();
            processor.ReadState(out box.Value);
            InitialState(ref box.Value);
            Prepare?.Invoke(box);
            box.SetContinuation(recovery, stack);
            processor.WriteState(box.Value);
        }
    }

    private byte[]? _assembled;
    private string? _firstRefusal;

    private byte[] Assembled()
    {
        if (_assembled is null)
        {
            _assembler.@out((byte)EndPort, al);
            _assembler.hlt();
            using MemoryStream stream = new();
            _assembler.Assemble(new StreamCodeWriter(stream), Code);
            _assembled = stream.ToArray();
            Assert.True(_assembled.Length < 0x20_0000, $"{_assembled.Length} bytes of code");
        }

        return _assembled;
    }

    private unsafe void InitialState(ref CpuRegisters registers)
    {
        bool isLong = _mode == ImageMode.Long;
        SegmentRegister data = new() { Selector = KernelData, Limit = uint.MaxValue, Attributes = 0xC093 };
        for (int i = 0; i < 16; i++)
        {
            registers.General[i] = 0;
        }

        registers.Rip = Code;
        registers.Rflags = 2;
        registers.General[(int)GeneralRegister.Rsp] = StackTop;
        registers.Cr0 = isLong ? 0x8001_0033UL : 0x33;
        registers.Cr3 = isLong ? PageMapLevel4 : 0;
        registers.Cr4 = isLong ? 0x6A0UL : 0x600;
        registers.Efer = isLong ? 0xD01UL : 0;
        registers.Cs = new SegmentRegister { Selector = KernelCode, Limit = uint.MaxValue, Attributes = (ushort)(isLong ? 0xA09B : 0xC09B) };
        registers.Ss = registers.Ds = registers.Es = registers.Fs = registers.Gs = data;
        registers.Tr = new SegmentRegister { Selector = TaskSelector, Limit = 0x67, Base = TaskState, Attributes = 0x8B };
        registers.Ldtr = default;
        registers.SysenterCs = isLong ? 0UL : KernelCode;
        registers.Gdtr = new DescriptorTableRegister { Base = DescriptorTable, Limit = 0xFFFF };
        registers.Idtr = new DescriptorTableRegister { Base = InterruptTable, Limit = isLong ? 0xFFFUL : 0x7FF };
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

    /// <summary>On the stack: vector, error code, RIP, CS, RFLAGS, RSP, SS. The resume flag and the arithmetic flags, which
    /// the translator need not have where nothing can read them any more, are left out of the records.</summary>
    private static void EmitLongHandler(Assembler c)
    {
        const int notCompared = 0x1_08D5;
        Label noAddress = c.CreateLabel();
        Label noDebug = c.CreateLabel();
        Label noResult = c.CreateLabel();
        c.push(rax);
        c.push(rdi);
        c.mov(rdi, __[LogPointer]);
        c.mov(rax, __[rsp + 16]);
        c.mov(__[rdi], rax);
        c.mov(rax, __[rsp + 24]);
        c.mov(__[rdi + 8], rax);
        c.mov(rax, __[rsp + 32]);
        c.mov(__[rdi + 16], rax);
        c.mov(eax, __[rsp + 40]);
        c.mov(__[rdi + 24], eax);
        c.mov(eax, __[rsp + 64]);
        c.mov(__[rdi + 28], eax);
        c.mov(rax, __[rsp + 48]);
        c.and(rax, ~notCompared);
        c.mov(__[rdi + 32], rax);
        c.mov(rax, __[rsp + 56]);
        c.mov(__[rdi + 40], rax);
        c.cmp(__qword_ptr[rdi], 14);
        c.jne(noAddress);
        c.mov(rax, cr2);
        c.mov(__[rdi + 48], rax);
        c.Label(ref noAddress);
        c.cmp(__qword_ptr[rdi], 1);
        c.jne(noDebug);
        c.mov(rax, dr6);
        c.mov(__[rdi + 56], rax);
        c.mov(eax, 0xFFFF_0FF0);
        c.mov(dr6, rax);
        c.Label(ref noDebug);
        c.cmp(__qword_ptr[rdi], 6);
        c.jne(noResult);
        c.mov(__[rdi + 48], rdx);
        c.mov(rax, __[rsp + 8]);
        c.mov(__[rdi + 56], rax);
        c.Label(ref noResult);
        c.add(__qword_ptr[LogPointer], RecordSize);
        c.pop(rdi);
        c.pop(rax);
        c.mov(rsp, __[RecoveryStack]);
        c.push(2);
        c.popfq();
        c.mov(ss, __word_ptr[DataSelector]);
        c.mov(ds, __word_ptr[DataSelector]);
        c.mov(es, __word_ptr[DataSelector]);
        c.jmp(__qword_ptr[RecoveryAddress]);
    }

    private static void EmitProtectedHandler(Assembler c)
    {
        const int notCompared = 0x1_08D5;
        Label noAddress = c.CreateLabel();
        Label sameLevel = c.CreateLabel();
        Label noDebug = c.CreateLabel();
        Label noResult = c.CreateLabel();
        c.push(eax);
        c.push(edi);
        c.mov(eax, KernelData);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(fs, eax);
        c.mov(gs, eax);
        c.mov(edi, __[LogPointer]);
        c.mov(eax, __[esp + 8]);
        c.mov(__[edi], eax);
        c.mov(eax, __[esp + 12]);
        c.mov(__[edi + 8], eax);
        c.mov(eax, __[esp + 16]);
        c.mov(__[edi + 16], eax);
        c.mov(eax, __[esp + 20]);
        c.mov(__[edi + 24], eax);
        c.mov(eax, __[esp + 24]);
        c.and(eax, ~notCompared);
        c.mov(__[edi + 32], eax);
        c.test(__byte_ptr[edi + 24], 3);
        c.je(sameLevel);
        c.mov(eax, __[esp + 28]);
        c.mov(__[edi + 40], eax);
        c.mov(eax, __[esp + 32]);
        c.mov(__[edi + 28], eax);
        c.Label(ref sameLevel);
        c.cmp(__dword_ptr[edi], 14);
        c.jne(noAddress);
        c.mov(eax, cr2);
        c.mov(__[edi + 48], eax);
        c.Label(ref noAddress);
        c.cmp(__dword_ptr[edi], 1);
        c.jne(noDebug);
        c.mov(eax, dr6);
        c.mov(__[edi + 56], eax);
        c.mov(eax, unchecked((int)0xFFFF_0FF0));
        c.mov(dr6, eax);
        c.Label(ref noDebug);
        c.cmp(__dword_ptr[edi], 6);
        c.jne(noResult);
        c.mov(__[edi + 48], edx);
        c.mov(eax, __[esp + 4]);
        c.mov(__[edi + 56], eax);
        c.Label(ref noResult);
        c.add(__dword_ptr[LogPointer], RecordSize);
        c.mov(eax, KernelData);
        c.mov(ss, eax);
        c.mov(esp, __[RecoveryStack]);
        c.push(2);
        c.popfd();
        c.jmp(__dword_ptr[RecoveryAddress]);
    }

    /// <summary>Registers that a test may change before a run.</summary>
    internal sealed class RegistersBox
    {
        public CpuRegisters Value;

        /// <summary>Where it goes on.</summary>
        public unsafe void SetContinuation(ulong address, ulong stack)
        {
            Value.Rip = address;
            Value.General[(int)GeneralRegister.Rsp] = stack;
        }
    }

    private sealed class EndDevice(IVirtualCpu processor) : IAddressRangeHandler
    {
        public bool Ended { get; private set; }

        public ulong Read(ulong offset, int size) => 0;

        public void Write(ulong offset, int size, ulong value)
        {
            Ended = true;
            processor.RequestExit();
        }
    }
}

/// <summary>What a run has left.</summary>
/// <param name="Ending">How it ended.</param>
/// <param name="Text">The same in words.</param>
/// <param name="Records">Eight words each.</param>
internal sealed record ImageRun(VirtualCpuExitReason Ending, string Text, IReadOnlyList<ulong[]> Records)
{
    public override string ToString() => Text;
}
