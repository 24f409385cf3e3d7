using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Kvm;
using Nacelle.Memory;
using Nacelle.Translation;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <content>The run of an image on an accelerator.</content>
internal sealed partial class SystemImage
{
    /// <summary>Runs it on KVM.</summary>
    public ImageRun RunOnKvm() => Run(bus => new KvmAccelerator(bus, 1));

    /// <summary>Runs it on the translator.</summary>
    public ImageRun RunOnTranslator() => Run(bus => new TranslatorAccelerator(bus, new TranslatorOptions { CodeCacheBytes = 16 << 20 }));

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
