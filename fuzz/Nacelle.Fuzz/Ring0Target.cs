using Nacelle.Cpu;
using Nacelle.Machine.Interrupts;
using Nacelle.Translation;

namespace Nacelle.Fuzz;

/// <summary>
/// Lets the input be a state of a processor and code at ring 0: the first byte chooses the mode, then come general registers, and the rest
/// is code. Exceptions go to handlers that step over a byte, so that a program gets further than its first fault. Each run is ended from outside
/// after a moment. The machine behind it, with all its devices, stays for a number of inputs.
/// </summary>
internal static unsafe class Ring0Target
{
    private const int InputsOfAMachine = 500;
    private const ulong Code = 0x10_0000;
    private const ulong RealCode = 0x7000;
    private const ulong Tables = 0x1000;
    private const ulong Interrupts = 0x8000;
    private const ulong Descriptors = 0x9000;
    private const ulong Task = 0xA000;
    private const ulong Handlers = 0xB000;
    private const ulong ErrorHandlers = 0xB040;
    private static readonly TimeSpan s_moment = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_hang = TimeSpan.FromSeconds(120);
    private static Rig? s_rig;
    private static int s_inputs;

    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">The translator could not go on, or did not come back.</exception>
    public static void Run(ReadOnlySpan<byte> bytes)
    {
        if (s_rig is null || ++s_inputs % InputsOfAMachine == 0)
        {
            s_rig?.Dispose();
            s_rig = new Rig();
        }

        FuzzInput input = new(bytes);
        VirtualCpuExit exit;
        try
        {
            exit = s_rig.Run(ref input);
        }
        catch
        {
            s_rig = null;
            throw;
        }

        if (exit.Reason == VirtualCpuExitReason.Failed)
        {
            s_rig.Dispose();
            s_rig = null;
            throw new InvalidOperationException(exit.Detail);
        }
    }

    private sealed class Rig : IDisposable
    {
        private readonly FuzzBoard _board = new();
        private readonly TranslatorAccelerator _accelerator;
        private readonly IVirtualCpu _processor;
        private readonly SemaphoreSlim _begun = new(0);
        private readonly SemaphoreSlim _over = new(0);
        private readonly SemaphoreSlim _ready = new(0);
        private readonly Thread _watch;
        private volatile bool _ending;

        public Rig()
        {
            _accelerator = new TranslatorAccelerator(
                new MachineBus(_board.Ram, _board.Memory, _board.Ports), new TranslatorOptions { CodeCacheBytes = 4 << 20 });
            _processor = _accelerator.CreateVirtualCpu(new VirtualCpuConfiguration(
                0, 0, CpuidModels.ForTranslator(0, 0, 1), new LocalInterruptController(_board.Locals[0])));
            _board.Locals[0].Attach(new LocalApicProcessor(_processor));
            _watch = new Thread(Watch) { IsBackground = true, Name = "ring-0 watch" };
            _watch.Start();
        }

        public VirtualCpuExit Run(ref FuzzInput input)
        {
            _board.Locals[0].Reset(init: false);
            _processor.Reset();
            Prepare(ref input, out CpuRegisters registers);
            _processor.WriteState(registers);
            Devices.Interrupts.CurrentProcessor.Index = 0;
            _begun.Release();
            try
            {
                return _processor.Run();
            }
            finally
            {
                _over.Release();
                _ready.Wait();
            }
        }

        public void Dispose()
        {
            _ending = true;
            _begun.Release();
            _watch.Join();
            _accelerator.Dispose();
            _board.Dispose();
        }

        /// <summary>Ends each run after its moment, and the process over one that does not end.</summary>
        private void Watch()
        {
            while (true)
            {
                _begun.Wait();
                if (_ending)
                {
                    return;
                }

                if (!_over.Wait(s_moment))
                {
                    _processor.RequestExit();
                    if (!_over.Wait(s_hang))
                    {
                        Environment.FailFast("ring-0: the vCPU does not leave Run");
                    }
                }

                _ready.Release();
            }
        }

        private void Prepare(ref FuzzInput input, out CpuRegisters registers)
        {
            byte choice = input.Byte();
            int mode = choice % 5;
            registers = default;
            for (int i = 0; i < 16; i++)
            {
                // Half of the registers point into memory, so that accesses find something.
                ulong value = input.Number(1 + (i & 7));
                registers.General[i] = (choice >> (i & 3) & 8) != 0 ? value & 0x3F_FFFF : value;
            }

            Write(Tables, 0x2003);
            Write(0x2000, 0x3003);
            for (ulong i = 0; i < 512; i++)
            {
                Write(0x3000 + (i * 8), (i << 21) | 0x83);
            }

            _ = _board.Ram.TryWrite(Descriptors, (ReadOnlySpan<byte>)new byte[0x1000]);
            Write(Descriptors + 8, 0x00AF_9B00_0000_FFFF);
            Write(Descriptors + 16, 0x00CF_9300_0000_FFFF);
            Write(Descriptors + 24, 0x00CF_9B00_0000_FFFF);
            Write(Descriptors + 32, 0x000F_9B00_0000_FFFF);
            bool isLong = mode is 0 or 1;
            bool isReal = mode == 4;
            Route(isLong, isReal);
            registers.Rflags = 2 | (input.Half() & 0x4_0DD5u & 0xFFFF);
            registers.Cr0 = isReal ? 0x10 : isLong ? 0x8005_0033 : 0x33u;
            registers.Cr3 = Tables;
            registers.Cr4 = 0x6A0 | (1 << 18);
            registers.Xcr0 = 7;
            registers.Efer = isLong ? 0xD01u : 0;
            registers.Tr = new SegmentRegister { Selector = 0x38, Limit = 0x67, Base = Task, Attributes = 0x8B };
            registers.Gdtr = new DescriptorTableRegister { Base = Descriptors, Limit = 0x2F };
            registers.Idtr = new DescriptorTableRegister { Base = isReal ? 0 : Interrupts, Limit = isReal ? (ushort)0x3FF : (ushort)0xFFF };
            registers.General[(int)GeneralRegister.Rsp] = isReal ? 0xF000u : 0x30_0000u;
            registers.Rip = isReal ? 0 : Code;
            registers.Cs = mode switch
            {
                0 => new SegmentRegister { Selector = 8, Limit = uint.MaxValue, Attributes = 0xA09B },
                1 or 2 => new SegmentRegister { Selector = 24, Limit = uint.MaxValue, Attributes = 0xC09B },
                3 => new SegmentRegister { Selector = 32, Limit = 0xF_FFFF, Attributes = 0x9B },
                _ => new SegmentRegister { Selector = (ushort)(RealCode >> 4), Base = RealCode, Limit = 0xFFFF, Attributes = 0x9B },
            };
            registers.Rip = mode == 3 ? RealCode : registers.Rip;
            SegmentRegister data = isReal
                ? new SegmentRegister { Selector = 0x2000, Base = 0x2_0000, Limit = 0xFFFF, Attributes = 0x93 }
                : new SegmentRegister { Selector = 0x10, Limit = uint.MaxValue, Attributes = 0xC093 };
            registers.Ss = registers.Ds = registers.Es = registers.Fs = registers.Gs = data;
            _ = _board.Ram.TryWrite(mode is 3 or 4 ? RealCode : Code, input.Bytes(256));
        }

        private void Route(bool isLong, bool isReal)
        {
            ReadOnlySpan<byte> plain = isLong ? [0x48, 0xFF, 0x04, 0x24, 0x48, 0xCF]
                : isReal ? [0x55, 0x89, 0xE5, 0xFF, 0x46, 0x02, 0x5D, 0xCF] : [0xFF, 0x04, 0x24, 0xCF];
            ReadOnlySpan<byte> drop = isLong ? [0x48, 0x83, 0xC4, 0x08] : [0x83, 0xC4, 0x04];
            _ = _board.Ram.TryWrite(Handlers, plain);
            _ = _board.Ram.TryWrite(ErrorHandlers, drop);
            _ = _board.Ram.TryWrite(ErrorHandlers + (ulong)drop.Length, plain);
            for (ulong vector = 0; vector < 256; vector++)
            {
                ulong handler = !isReal && vector is 8 or 10 or 11 or 12 or 13 or 14 or 17 ? ErrorHandlers : Handlers;
                if (isReal)
                {
                    _ = _board.Ram.TryWrite(vector * 4, (uint)handler);
                }
                else if (isLong)
                {
                    Write(Interrupts + (vector * 16), handler | (8 << 16) | (0x8E00UL << 32));
                    Write(Interrupts + (vector * 16) + 8, 0);
                }
                else
                {
                    Write(Interrupts + (vector * 8), handler | (24 << 16) | (0x8E00UL << 32));
                }
            }
        }

        private void Write(ulong address, ulong value) => _ = _board.Ram.TryWrite(address, value);
    }
}
