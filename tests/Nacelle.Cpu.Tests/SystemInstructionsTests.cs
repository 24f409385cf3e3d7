using Nacelle.Memory;

namespace Nacelle.Cpu.Tests;

public sealed unsafe class SystemInstructionsTests : IDisposable
{
    private const ulong Gdt = 0x1000;
    private const ulong Idt = 0x2000;
    private const ulong Tss = 0x4000;

    private readonly FlatMemory _memory = new();
    private readonly FixedEnvironment _environment = new();
    private readonly CpuRegisters[] _storage = GC.AllocateArray<CpuRegisters>(1, pinned: true);
    private readonly CpuRegisters* _registers;
    private readonly SystemInstructions _system;

    public SystemInstructionsTests()
    {
        _registers = (CpuRegisters*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(_storage, 0);
        _system = new SystemInstructions(_registers, _memory, _environment);
        _system.Reset();
        Write(Gdt + 0x10, 0x00AF_9B00_0000_FFFF);
        Write(Gdt + 0x18, 0x00CF_9300_0000_FFFF);
        Write(Gdt + 0x28, 0x00CF_F300_0000_FFFF);
        Write(Gdt + 0x30, 0x00AF_FB00_0000_FFFF);
        Write(Tss + 4, 0x9000);
        _registers->Gdtr = new DescriptorTableRegister { Base = Gdt, Limit = 0xFF };
        _registers->Idtr = new DescriptorTableRegister { Base = Idt, Limit = 0xFFF };
        _registers->Tr = new SegmentRegister { Base = Tss, Limit = 103, Attributes = 0x8B, Selector = 0x40 };
        _registers->Cr0 = 0x8001_0011;
        _registers->Cr4 = 0x20;
        _registers->Efer = 0x501;
        _registers->Cs = new SegmentRegister { Selector = 0x33, Limit = uint.MaxValue, Attributes = 0xA0FB };
        _registers->Ss = new SegmentRegister { Selector = 0x2B, Limit = uint.MaxValue, Attributes = 0xC0F3 };
        _registers->Rflags = 0x202;
        _registers->Rip = 0x5000;
        _registers->General[4] = 0x7008;
    }

    public void Dispose() => _environment.Dispose();

    [Fact]
    public void AnInterruptFromRing3ReturnsToTheSameState()
    {
        SetGate(0x20, 0x10, 0xC000, 0x8E);

        Assert.Equal(Delivery.Delivered, _system.DeliverInterrupt(0x20, InterruptKind.External, 0x5000));

        Assert.Equal(0xC000UL, _registers->Rip);
        Assert.Equal(0, _registers->PrivilegeLevel);
        Assert.Equal(0x9000UL - 40, _registers->General[4]);
        Assert.Equal([0x5000UL, 0x33, 0x202, 0x7008, 0x2B], Enumerable.Range(0, 5).Select(i => Read(0x9000UL - 40 + ((ulong)i * 8))));
        Assert.Equal(2UL, _registers->Rflags);

        Assert.True(_system.InterruptReturn(8, nextRip: 0));
        Assert.Equal(0x5000UL, _registers->Rip);
        Assert.Equal(3, _registers->PrivilegeLevel);
        Assert.Equal(0x7008UL, _registers->General[4]);
        Assert.Equal(0x202UL, _registers->Rflags);
    }

    [Fact]
    public void AnUnusableInterruptTableIsATripleFault()
    {
        _registers->Idtr.Limit = 0;
        Assert.Equal(Delivery.Shutdown, _system.DeliverFault(Fault.UndefinedInstruction, 0x5000));
    }

    [Fact]
    public void ASecondContributoryFaultIsADoubleFault()
    {
        SetGate(Fault.DoubleFault, 0x10, 0xD000, 0x8E);
        Assert.Equal(Delivery.Delivered, _system.DeliverFault(Fault.GeneralProtectionFault(), 0x5000));
        Assert.Equal(0xD000UL, _registers->Rip);
        Assert.Equal(0UL, Read(_registers->General[4]));
    }

    [Theory]
    [InlineData(0, 0x8000_0000UL)]
    [InlineData(4, 0UL)]
    [InlineData(4, 0x8000_0020UL)]
    [InlineData(8, 16UL)]
    public void AnInvalidControlRegisterValueRaisesGeneralProtection(int number, ulong value)
    {
        _registers->Ss.Attributes = 0xC093;
        Assert.False(_system.WriteControlRegister(number, value));
        Assert.Equal(Fault.GeneralProtection, _memory.PendingFault.Vector);
        Assert.Equal(0x20UL, _registers->Cr4);
    }

    [Theory]
    [InlineData(0x400, ulong.MaxValue, true)]
    [InlineData(0x400, 0UL, true)]
    [InlineData(0x410, ulong.MaxValue & ~(1UL << 10), true)]
    [InlineData(0x400, 1UL, false)]
    [InlineData(0x401, 0UL, true)]
    [InlineData(0x401, 1UL, false)]
    [InlineData(0x402, 1UL, true)]
    [InlineData(0x6E1, 0xFFFF_FFFFUL, true)]
    [InlineData(0x6E1, 0x1_0000_0000UL, false)]
    public void Model_specific_registers_take_what_the_manual_lets_them_take(uint index, ulong value, bool taken)
    {
        _registers->Ss.Attributes = 0xC093;
        Assert.Equal(taken, _system.WriteMsr(index, value));
        Assert.True(_system.ReadMsr(index, out ulong read));
        Assert.Equal(taken ? value : 0, read);
    }

    [Fact]
    public void CPUID_follows_the_local_APIC_and_the_protection_keys()
    {
        const uint localApic = 1 << 9;
        const uint keysEnabled = 1 << 4;
        _environment.Local.ApicBase = 0xFEE0_0900;
        Assert.NotEqual(0u, _system.Identify(1, 0).Edx & localApic);
        _environment.Local.ApicBase = 0xFEE0_0100;
        Assert.Equal(0u, _system.Identify(1, 0).Edx & localApic);
        Assert.Equal(0u, _system.Identify(7, 0).Ecx & keysEnabled);
        _registers->Cr4 |= 1 << 22;
        Assert.NotEqual(0u, _system.Identify(7, 0).Ecx & keysEnabled);
    }

    [Fact]
    public void A_hypercall_sends_interrupts_to_a_bitmap_of_ids()
    {
        _registers->Ss.Attributes = 0xC093;
        Assert.Equal(2, Call(0x5, 0x1, first: 4, command: 0x41));

        // Ids 4, 6 and 68; the fake knows those below 64.
        Assert.Equal([(4u, 0x41u), (6u, 0x41u)], _environment.Local.Sent);
        Assert.Equal(0, Call(0xFFFF_FFFF, 0, first: 0xFFFF_FFFF, command: 0));
        Assert.Equal(-22, Call(1, 0, 0, command: 0x1000));
        _registers->Ss.Attributes = 0xC0F3;
        Assert.Equal(-1, Call(1, 0, 0, 0x41));

        long Call(ulong low, ulong high, ulong first, ulong command)
        {
            _registers->General[(int)GeneralRegister.Rax] = 10;
            _registers->General[(int)GeneralRegister.Rbx] = low;
            _registers->General[(int)GeneralRegister.Rcx] = high;
            _registers->General[(int)GeneralRegister.Rdx] = first;
            _registers->General[(int)GeneralRegister.Rsi] = command;
            _system.Hypercall();
            return (long)_registers->General[(int)GeneralRegister.Rax];
        }
    }

    private void SetGate(byte vector, ushort selector, ulong target, byte type)
    {
        ulong low = (target & 0xFFFF) | ((ulong)selector << 16) | ((ulong)type << 40) | ((target & 0xFFFF_0000) << 32);
        Write(Idt + (vector * 16u), low);
        Write(Idt + (vector * 16u) + 8, target >> 32);
    }

    private void Write(ulong address, ulong value) => _memory.TryWrite(address, 8, LinearAccess.Ordinary, value);

    private ulong Read(ulong address)
    {
        Assert.True(_memory.TryRead(address, 8, LinearAccess.Ordinary, out ulong value));
        return value;
    }

    private sealed class FlatMemory : ILinearMemory
    {
        private readonly byte[] _bytes = new byte[0x10000];
        private Fault _fault;

        public ref Fault PendingFault => ref _fault;

        public bool TryRead(ulong address, int size, LinearAccess access, out ulong value)
        {
            value = 0;
            for (int i = 0; i < size; i++)
            {
                value |= (ulong)_bytes[address + (ulong)i] << (i * 8);
            }

            return true;
        }

        public bool TryWrite(ulong address, int size, LinearAccess access, ulong value)
        {
            for (int i = 0; i < size; i++)
            {
                _bytes[address + (ulong)i] = (byte)(value >> (i * 8));
            }

            return true;
        }

        public void Invalidate(TlbInvalidation kind, ulong address)
        {
        }
    }

    private sealed class FakeInterrupts : ILocalInterruptController
    {
        public ulong ApicBase { get; set; } = 0xFEE0_0900;

        public List<(uint Identifier, uint Command)> Sent { get; } = [];

        public bool HasInterrupt => false;

        public byte TaskPriority { get; set; }

        public int Acknowledge() => -1;

        public bool TakeNonMaskable() => false;

        public void EndNonMaskable()
        {
        }

        public bool TrySend(uint identifier, uint command)
        {
            if (identifier >= 64)
            {
                return false;
            }

            Sent.Add((identifier, command));
            return true;
        }

        public bool TryReadModelSpecificRegister(uint index, out ulong value)
        {
            value = ApicBase;
            return index == 0x1B;
        }

        public bool TryWriteModelSpecificRegister(uint index, ulong value) => false;

        public void Reset(bool init)
        {
        }
    }

    private sealed class FixedEnvironment : IProcessorEnvironment, IDisposable
    {
        public int Index => 0;

        public FakeInterrupts Local { get; } = new();

        public ILocalInterruptController? LocalInterrupts => Local;

        public CpuidTable Cpuid { get; } = CpuidModels.ForTranslator(0, 0, 1);

        public GuestMemory Ram { get; } = new([(0, 0x10000)]);

        public ulong ReadTimestampCounter() => 1000;

        public void ModeChanged()
        {
        }

        public uint ReadPort(ushort port, int size) => 0;

        public void WritePort(ushort port, int size, uint value)
        {
        }

        public void Dispose() => Ram.Dispose();
    }
}
