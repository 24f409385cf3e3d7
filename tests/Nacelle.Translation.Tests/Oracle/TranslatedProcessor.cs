using Nacelle.Cpu;
using Nacelle.Memory;
using Nacelle.Translation.Runtime;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>
/// Runs sequences on one vCPU of the translator, at privilege level 3. The gateway and the handler of each exception write to
/// a port, at which the run ends. For one thread.
/// </summary>
internal sealed unsafe class TranslatedProcessor : IAddressRangeHandler, IDisposable
{
    // The kernel's part of memory begins at physical address 0; a user finds nothing there.
    private const ulong Kernel = 0xFFFF_FFFF_8000_0000;
    private const ulong PageMapLevel4 = 0x1000;
    private const ulong InterruptTable = 0x8000;
    private const ulong DescriptorTable = 0x9000;
    private const ulong TaskState = 0xA000;
    private const ulong Handlers = 0xD000;
    private const ulong KernelStack = 0xF000;
    private const ulong Tables = 0x1_0000;
    private const int HandlerSize = 16;
    private const ushort EndPort = 0xF4;
    private const ushort UserCode = 0x33;
    private const ushort UserStack = 0x2B;
    private readonly TranslatorAccelerator _accelerator;
    private readonly TranslatorVirtualCpu _processor;
    private readonly Timer _watchdog;
    private readonly byte[] _contents;
    private ulong _nextTable = Tables;
    private long _runs;
    private long _runsAtLastTick = -1;
    private volatile bool _timedOut;
    private readonly bool _is32;
    private volatile bool _running;
    private volatile bool _disturbed;
    private Thread? _disturber;

    /// <param name="contents">What is in memory before each run.</param>
    /// <param name="oneInstruction">Whether each instruction is a block of its own, as a debugger's watchpoints make it.</param>
    /// <param name="bitness">Width of the sequences' code: 64, or 32 for compatibility mode.</param>
    /// <param name="evictEvery">Returns from translated code until some of it is given up, on average; 0 for never.</param>
    public TranslatedProcessor(DataContents contents, bool oneInstruction, int bitness = 64, int evictEvery = 0)
    {
        _is32 = bitness == 32;
        _contents = contents.Writable;
        Ram = new GuestMemory(
        [
            (0, 0x10_0000),
            (OracleLayout.CodeBase, OracleLayout.CodeSize),
            (OracleLayout.EdgeBase, OracleLayout.EdgeSize),
            (OracleLayout.Gateway, 0x1000),
            (OracleLayout.DataBase, OracleLayout.DataSize),
        ]);
        AddressSpace ports = new("port");
        ports.Map(EndPort, 1, "end", this);
        _accelerator = new TranslatorAccelerator(
            new MachineBus(Ram, new AddressSpace("memory"), ports),
            new TranslatorOptions { CodeCacheBytes = (evictEvery == 0 ? 16 : 1) << 20, EvictEvery = evictEvery });
        _processor = (TranslatorVirtualCpu)_accelerator.CreateVirtualCpu(
            new VirtualCpuConfiguration(0, 0, CpuidModels.ForTranslator(0, 0, 1), null));
        BuildTables();
        if (oneInstruction)
        {
            // Nothing reaches an address that is not canonical.
            const ulong nowhere = 0x1234_5678_9ABC_DEF0;
            _processor.SetDebug(new VirtualCpuDebugSettings([], [new Watchpoint(nowhere, 1, WatchpointKind.Access)], false));
        }

        Assert.True(Ram.TryWrite(OracleLayout.DataBase + OracleLayout.ReadOnlyPage, contents.ReadOnly));
        _watchdog = new Timer(_ => Watch(), null, 20_000, 20_000);
    }

    public GuestMemory Ram { get; }

    /// <summary>From now on another thread asks the vCPU for its attention all the time, so that it leaves at many polls.</summary>
    public void Disturb()
    {
        _disturbed = true;
        _disturber = new Thread(() =>
        {
            Random random = new(1);
            while (_disturbed)
            {
                if (_running)
                {
                    _processor.NotifyInterrupt();
                }

                Thread.SpinWait(random.Next(200));
            }
        });
        _disturber.Start();
    }

    /// <summary>Components of extended state that are saved and restored.</summary>
    public static ulong Features => HostProcessor.ExtendedStateMask;

    /// <summary>Runs a sequence.</summary>
    /// <param name="before">The state to begin with.</param>
    /// <param name="after">The state it leaves.</param>
    public void Run(ProcessorImage* before, ProcessorImage* after)
    {
        ResetMemory();
        new ReadOnlySpan<byte>(before->ExtendedState, ProcessorImage.ExtendedStateSize).CopyTo(_processor.ExtendedState);
        CpuRegisters registers = InitialState(before);
        _processor.WriteState(registers);
        Volatile.Write(ref _runs, _runs + 1);
        _running = true;
        VirtualCpuExit exit = _processor.Run();
        _running = false;
        _processor.ReadState(out registers);
        if (exit.Reason != VirtualCpuExitReason.Requested)
        {
            throw new InvalidOperationException($"the translator ended with {exit.Reason}: {exit.Detail}");
        }

        Describe(registers, after);
        _processor.ExtendedState[..ProcessorImage.ExtendedStateSize].CopyTo(
            new Span<byte>(after->ExtendedState, ProcessorImage.ExtendedStateSize));
    }

    /// <summary>A writable stretch of data as it is now.</summary>
    public ReadOnlySpan<byte> Data(int offset, int length)
    {
        Assert.True(Ram.TryGetHostAddress(OracleLayout.DataBase + (ulong)offset, (ulong)length, out byte* host));
        return new ReadOnlySpan<byte>(host, length);
    }

    ulong IAddressRangeHandler.Read(ulong offset, int size) => 0;

    void IAddressRangeHandler.Write(ulong offset, int size, ulong value) => _processor.RequestExit();

    /// <inheritdoc/>
    public void Dispose()
    {
        _watchdog.Dispose();
        _disturbed = false;
        _disturber?.Join();
        _accelerator.Dispose();
        Ram.Dispose();
    }

    private void Watch()
    {
        if (_running && _runsAtLastTick == Volatile.Read(ref _runs))
        {
            _timedOut = true;
            _processor.RequestExit();
        }

        _runsAtLastTick = Volatile.Read(ref _runs);
    }

    private void ResetMemory()
    {
        foreach ((int offset, int inSnapshot, int length) in OracleLayout.Writable)
        {
            Assert.True(Ram.TryGetHostAddress(OracleLayout.DataBase + (ulong)offset, (ulong)length, out byte* host));
            _contents.AsSpan(inSnapshot, length).CopyTo(new Span<byte>(host, length));
        }
    }

    private CpuRegisters InitialState(ProcessorImage* before)
    {
        const ulong fsGsBase = 1 << 16;
        const ulong osXsave = 1 << 18;
        CpuRegisters registers = default;
        for (int i = 0; i < 16; i++)
        {
            registers.General[i] = before->General[i];
        }

        registers.Rip = before->Rip;
        registers.Rflags = before->Flags;
        registers.Cr0 = 0x8005_0033;
        registers.Cr3 = PageMapLevel4;
        registers.Cr4 = 0x6A0 | fsGsBase | osXsave;
        registers.Xcr0 = Features;
        registers.Efer = 0xD01;

        // What Linux gives a process: a user's code and stack segment, and null selectors.
        registers.Cs = new SegmentRegister { Selector = UserCode, Limit = uint.MaxValue, Attributes = 0xA0FB };
        registers.Ss = new SegmentRegister { Selector = UserStack, Limit = uint.MaxValue, Attributes = 0xC0F3 };
        registers.Fs = new SegmentRegister { Base = before->FsBase };
        registers.Gs = new SegmentRegister { Base = before->GsBase };
        if (_is32)
        {
            // 32-bit code needs data segments; FS and GS keep bases of their own.
            registers.Cs = new SegmentRegister { Selector = 0x23, Limit = uint.MaxValue, Attributes = 0xC0FB };
            registers.Ds = registers.Es = registers.Ss;
            registers.Fs = registers.Ss with { Base = before->FsBase };
            registers.Gs = registers.Ss with { Base = before->GsBase };
        }

        registers.Tr = new SegmentRegister { Selector = 0x40, Limit = 0x67 + 0x2001, Base = Kernel + TaskState, Attributes = 0x8B };
        registers.Gdtr = new DescriptorTableRegister { Base = Kernel + DescriptorTable, Limit = 0x4F };
        registers.Idtr = new DescriptorTableRegister { Base = Kernel + InterruptTable, Limit = 0xFFF };
        return registers;
    }

    private void Describe(in CpuRegisters registers, ProcessorImage* after)
    {
        fixed (CpuRegisters* pointer = &registers)
        {
            for (int i = 0; i < 16; i++)
            {
                after->General[i] = pointer->General[i];
            }
        }

        after->Rip = registers.Rip;
        after->Flags = registers.Rflags;
        after->FsBase = registers.Fs.Base;
        after->GsBase = registers.Gs.Base;
        after->Vector = 0;
        after->ErrorCode = 0;
        after->FaultAddress = registers.Cr2;
        after->Ending = Ending.Finished;
        if (_timedOut)
        {
            _timedOut = false;
            after->Ending = Ending.TimedOut;
            return;
        }

        if (registers.Rip - Kernel - Handlers >= 256 * HandlerSize)
        {
            after->Rip = OracleLayout.Gateway;
            return;
        }

        byte vector = (byte)((registers.Rip - Kernel - Handlers) / HandlerSize);
        after->Ending = Ending.Fault;
        after->Vector = vector;
        ulong frame = after->General[(int)GeneralRegister.Rsp];
        if (vector is 8 or (>= 10 and <= 14) or 17 or 21)
        {
            after->ErrorCode = Word(frame - Kernel);
            frame += 8;
        }

        after->Rip = Word(frame - Kernel);
        after->Flags = Word(frame - Kernel + 16);
        after->General[(int)GeneralRegister.Rsp] = Word(frame - Kernel + 24);
    }

    private ulong Word(ulong address)
    {
        Assert.True(Ram.TryRead(address, out ulong value));
        return value;
    }

    private void BuildTables()
    {
        const ulong user = 4;
        const ulong writable = 2;
        const ulong noExecute = 1UL << 63;
        Ram.TryWrite(PageMapLevel4, 0x2007UL);
        Ram.TryWrite(0x2000UL, 0x3007UL);

        // The kernel's part: the first 2 MiB, of which there is one.
        Ram.TryWrite(PageMapLevel4 + (511 * 8), 0x4003UL);
        Ram.TryWrite(0x4000UL + (510 * 8), 0x5003UL);
        Ram.TryWrite(0x5000UL, 0x83UL);
        MapPages(OracleLayout.CodeBase, OracleLayout.CodeSize, user);
        MapPages(OracleLayout.Gateway, 4096, user);
        for (ulong page = OracleLayout.EdgeBase; page < OracleLayout.EdgeBase + OracleLayout.EdgeSize; page += 0x2000)
        {
            MapPages(page, 4096, user);
        }

        foreach ((int offset, _, int length) in OracleLayout.Writable)
        {
            MapPages(OracleLayout.DataBase + (ulong)offset, length, user | writable | noExecute);
        }

        MapPages(OracleLayout.DataBase + OracleLayout.ReadOnlyPage, 4096, user | noExecute);

        // Code of the kernel at selector 10H; the gates lead there.
        Ram.TryWrite(DescriptorTable + 16, 0x00AF_9B00_0000_FFFFUL);
        for (int vector = 0; vector < 256; vector++)
        {
            ulong handler = Kernel + Handlers + (ulong)(vector * HandlerSize);
            ulong gate = vector is 3 or 4 ? 0xEE00UL : 0x8E00UL;
            Ram.TryWrite(InterruptTable + (ulong)(vector * 16), (handler & 0xFFFF) | (0x10UL << 16) | (gate << 32) | (handler >> 16 << 48));
            Ram.TryWrite(InterruptTable + (ulong)(vector * 16) + 8, handler >> 32);

            // out 0xF4, al; hlt.
            Ram.TryWrite(handler - Kernel, 0xF4_F4E6u);
        }

        // A task state segment with RSP0, and an I/O permission bitmap that lets the user write to one port.
        Ram.TryWrite(TaskState + 4, Kernel + KernelStack);
        Ram.TryWrite(TaskState + 0x66, (ushort)0x68);
        Span<byte> permissions = new byte[0x2001];
        permissions.Fill(0xFF);
        permissions[EndPort / 8] = unchecked((byte)~(1 << (EndPort % 8)));
        Ram.TryWrite(TaskState + 0x68, permissions);
        Ram.TryWrite(OracleLayout.Gateway, 0xF4_F4E6u);
    }

    private void MapPages(ulong address, int length, ulong rights)
    {
        for (ulong page = address; page < address + (ulong)length; page += 4096)
        {
            ulong directory = 0x3000 + (page >> 21 << 3);
            ulong table = Word(directory) & 0xF_FFFF_FFFF_F000;
            if (table == 0)
            {
                table = _nextTable;
                _nextTable += 4096;
                Ram.TryWrite(directory, table | 7);
            }

            Ram.TryWrite(table + ((page >> 12 & 511) * 8), page | rights | 1);
        }
    }
}
