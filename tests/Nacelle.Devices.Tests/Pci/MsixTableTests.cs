using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;

namespace Nacelle.Devices.Tests.Pci;

/// <summary>MSI-X tables against PCI 3.0, 6.8.2.</summary>
public sealed class MsixTableTests : IMessageInterruptTarget
{
    private readonly List<(ulong Address, uint Data)> _sent = [];
    private readonly MsixTable _table;

    public MsixTableTests()
    {
        _table = new MsixTable(3, this);
        for (uint i = 0; i < 3; i++)
        {
            _table.WriteTable(i * 16, 8, 0xFEE0_0000);
            _table.WriteTable((i * 16) + 8, 4, 0x40 + i);
        }
    }

    void IMessageInterruptTarget.Send(ulong address, uint data) => _sent.Add((address, data));

    [Fact]
    public void Nothing_is_sent_while_it_is_off_and_no_vector_is_there_beyond_the_last()
    {
        _table.WriteTable(12, 4, 0);
        Assert.False(_table.Trigger(0));
        _table.SetControl(true, false);
        Assert.False(_table.Trigger(3));
        Assert.False(_table.Trigger(-1));
        Assert.Empty(_sent);
        Assert.True(_table.Trigger(0));
        Assert.Equal([(0xFEE0_0000UL, 0x40u)], _sent);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_masked_vector_is_pending_once_until_it_may_be_sent(int mask)
    {
        _table.SetControl(true, mask == 1);
        _table.WriteTable(16 + 12, 4, mask == 0 ? 1u : 0);
        _table.SetMaster(mask != 2);
        Assert.True(_table.Trigger(1));
        Assert.True(_table.Trigger(1));
        Assert.Empty(_sent);
        Assert.Equal(2UL, _table.ReadPending(0, 8));
        _table.SetControl(true, false);
        _table.WriteTable(16 + 12, 4, 0);
        _table.SetMaster(true);
        Assert.Equal([(0xFEE0_0000UL, 0x41u)], _sent);
        Assert.Equal(0UL, _table.ReadPending(0, 8));
    }

    [Fact]
    public void Accesses_that_are_not_defined_change_nothing()
    {
        _table.WriteTable(1, 4, uint.MaxValue);
        _table.WriteTable(4, 8, ulong.MaxValue);
        _table.WriteTable(0, 2, 0xFFFF);
        _table.WriteTable(48, 4, uint.MaxValue);
        _table.WriteTable(ulong.MaxValue - 3, 4, uint.MaxValue);
        Assert.Equal(0xFEE0_0000UL, _table.ReadTable(0, 8));
        Assert.Equal(0UL, _table.ReadTable(2, 4));
        Assert.Equal(0UL, _table.ReadTable(48, 4));
        Assert.Equal(0UL, _table.ReadPending(8, 8));
        _table.Reset();
        Assert.Equal(1UL, _table.ReadTable(12, 4));
    }
}
