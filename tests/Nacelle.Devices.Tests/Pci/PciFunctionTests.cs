using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Pci;

/// <summary>Functions on a bus against PCI 3.0, chapter 6.</summary>
public sealed class PciFunctionTests
{
    private const ulong First = 0xC000_0000;
    private const ulong Second = 0xC000_1000;
    private readonly AddressSpace _memory = new("memory");
    private readonly PciBus _bus;
    private readonly Function _one = new("one", 0x11);
    private readonly Function _two = new("two", 0x22);

    public PciFunctionTests()
    {
        _bus = new PciBus(_memory);
        _ = new PciHostBridge(_bus, _memory, new AddressSpace("port"), null);
        _bus.Add(_one, 1);
        _bus.Add(_two, 2);
        _bus.AssignBars(First, First + 0x10000);
        Assert.Equal((0x11UL, 0x22UL), (_memory.Read(First, 1), _memory.Read(Second, 1)));
    }

    [Fact]
    public void Two_functions_that_swap_places_answer_where_their_bars_say()
    {
        Move(1, Second);
        Assert.Equal(0x22UL, _memory.Read(Second, 1));
        Move(2, First);
        Assert.Equal((0x22UL, 0x11UL), (_memory.Read(First, 1), _memory.Read(Second, 1)));
        Assert.Equal(1, _one.Mapped);
        Assert.Equal(1, _two.Mapped);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void What_lay_under_another_function_comes_out_when_that_goes(int way)
    {
        Move(1, Second);
        switch (way)
        {
            case 0:
                Move(2, 0xD000_0000);
                break;
            case 1:
                Write(2, 4, 2, 0);
                break;
            default:
                _two.Reset();
                break;
        }

        Assert.Equal(0x11UL, _memory.Read(Second, 1));
    }

    [Fact]
    public void What_lay_under_the_window_of_a_LAPIC_comes_out_when_that_goes()
    {
        ApicBus apics = new();
        LocalApic local = new(0, true, apics, new Timers.HandClock(), 1_000_000_000);
        apics.Map(_memory);
        Assert.True(local.TryWriteModelSpecificRegister(0x1B, 0xFED4_0900));
        Move(1, 0xFED4_0000);
        Assert.NotEqual(0x11UL, _memory.Read(0xFED4_0000, 1));
        Assert.True(local.TryWriteModelSpecificRegister(0x1B, 0xFEE0_0900));
        Assert.Equal(0x11UL, _memory.Read(0xFED4_0000, 1));
    }

    [Fact]
    public void Two_vCPUs_move_bars_at_once()
    {
        ulong[] places = [First, Second, First + 0x2000, 0];
        Parallel.For(0, 4, vCpu =>
        {
            Random random = new(vCpu);
            for (int i = 0; i < 3000; i++)
            {
                Move(1 + (vCpu & 1), places[random.Next(places.Length)]);
                _ = _memory.Read(places[random.Next(places.Length)], 1);
            }
        });
        Move(1, 0xD000_0000);
        Move(2, 0xD000_1000);
        Assert.Equal((0x11UL, 0x22UL), (_memory.Read(0xD000_0000, 1), _memory.Read(0xD000_1000, 1)));
        Assert.Equal(3, _memory.Ranges.Count);
    }

    [Fact]
    public void The_command_register_has_its_effects()
    {
        Assert.Equal((true, true), _one.Command);
        Write(1, 4, 2, 0x0402);
        Assert.Equal((false, false), _one.Command);
        Assert.Equal(0x11UL, _memory.Read(First, 1));
        Write(1, 4, 2, 4);
        Assert.Equal((true, true), _one.Command);
        Assert.Equal(0xFFUL, _memory.Read(First, 1));
        Write(1, 4, 2, 0xFFFF);
        Assert.Equal(0x0406UL, Read(1, 4, 2));
    }

    [Fact]
    public void Status_bit_3_tells_of_an_interrupt_that_waits()
    {
        Assert.Equal(0UL, Read(1, 6, 2) & 8);
        _one.Waits = true;
        Assert.Equal(8UL, Read(1, 6, 2) & 8);
        Assert.Equal(8UL, Read(1, 6, 1) & 8);
        Assert.Equal(8UL << 16, Read(1, 4, 4) & 0x8_0000);
        Assert.Equal(0UL, Read(1, 7, 1) & 8);
    }

    [Fact]
    public void Identification_is_read_only_and_missing_functions_read_as_ones()
    {
        Write(1, 0, 4, 0);
        Assert.Equal(0x5678_1234UL, Read(1, 0, 4));
        Assert.Equal(0xFFFF_FFFFUL, Read(9, 0, 4));
        Write(1, 0x10, 4, uint.MaxValue);
        Assert.Equal(0xFFFF_F000UL, Read(1, 0x10, 4));
    }

    private void Move(int slot, ulong place) => Write(slot, 0x10, 4, place);

    private ulong Read(int slot, int register, int size) =>
        _memory.Read(PciHostBridge.EcamStart + ((ulong)slot << 15) + (ulong)register, size);

    private void Write(int slot, int register, int size, ulong value) =>
        _memory.Write(PciHostBridge.EcamStart + ((ulong)slot << 15) + (ulong)register, size, value);

    private sealed class Function : PciFunction, IAddressRangeHandler
    {
        private readonly byte _value;

        public Function(string name, byte value)
            : base(name, new PciIdentity(0x1234, 0x5678, 0xFF00))
        {
            _value = value;
            DeclareBar(0, 0x1000, is64Bit: false, this);
        }

        public bool Waits { get; set; }

        public int Mapped { get; private set; }

        public (bool MayMaster, bool MayInterrupt) Command { get; private set; }

        protected override bool HasInterrupt => Waits;

        public ulong Read(ulong offset, int size) => _value;

        public void Write(ulong offset, int size, ulong value)
        {
            // Nothing is writable.
        }

        protected override void OnCommand(bool mayMaster, bool mayInterrupt) => Command = (mayMaster, mayInterrupt);

        protected override void OnBarMapped(int index, ulong address) => Mapped++;

        protected override void OnBarUnmapped(int index, ulong address) => Mapped--;
    }
}
