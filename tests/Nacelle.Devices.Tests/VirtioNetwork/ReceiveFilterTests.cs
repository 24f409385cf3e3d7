using CsCheck;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Network;

namespace Nacelle.Devices.Tests.VirtioNetwork;

public sealed class ReceiveFilterTests
{
    private static readonly MacAddress s_own = Address("52:54:00:00:00:01");
    private static readonly MacAddress s_other = Address("52:54:00:00:00:02");
    private static readonly MacAddress s_group = Address("01:00:5e:00:00:01");
    private static readonly ReceiveFilter s_strict = new() { Own = s_own, Promiscuous = false };

    [Fact]
    public void A_driver_that_said_nothing_sees_everything() =>
        Assert.True(new ReceiveFilter { Own = s_own }.Accepts(Frame(s_other)));

    [Fact]
    public void A_station_hears_its_own_address_and_all_stations()
    {
        Assert.True(s_strict.Accepts(Frame(s_own)));
        Assert.True(s_strict.Accepts(Frame(MacAddress.Broadcast)));
        Assert.False(s_strict.Accepts(Frame(s_other)));
        Assert.False(s_strict.Accepts(Frame(s_group)));
    }

    [Fact]
    public void Tables_and_modes_let_more_in_or_less()
    {
        Assert.True((s_strict with { Unicast = [s_other] }).Accepts(Frame(s_other)));
        Assert.True((s_strict with { Unicast = null }).Accepts(Frame(s_other)));
        Assert.True((s_strict with { AllUnicast = true }).Accepts(Frame(s_other)));
        Assert.True((s_strict with { Multicast = [s_group] }).Accepts(Frame(s_group)));
        Assert.True((s_strict with { Multicast = null }).Accepts(Frame(s_group)));
        Assert.True((s_strict with { AllMulticast = true }).Accepts(Frame(s_group)));
        Assert.False((s_strict with { NoUnicast = true }).Accepts(Frame(s_own)));
        Assert.False((s_strict with { NoMulticast = true, AllMulticast = true }).Accepts(Frame(s_group)));
        Assert.False((s_strict with { NoBroadcast = true }).Accepts(Frame(MacAddress.Broadcast)));
    }

    [Theory]
    [InlineData(0x8100, 5, true)]
    [InlineData(0x88A8, 5, true)]
    [InlineData(0x8100, 6, false)]
    [InlineData(0x8100, 0xE005, true)]
    [InlineData(0x0800, 6, true)]
    public void A_tagged_frame_comes_in_when_its_vlan_is_allowed(int type, int tag, bool accepted)
    {
        ulong[] vlans = new ulong[64];
        vlans[0] = 1 << 5;
        byte[] frame = Frame(s_own);
        (frame[12], frame[13], frame[14], frame[15]) = ((byte)(type >> 8), (byte)type, (byte)(tag >> 8), (byte)tag);
        Assert.Equal(accepted, (s_strict with { AllowedVlans = vlans }).Accepts(frame));
    }

    [Fact]
    public void Any_bytes_of_any_length_are_judged_without_a_fault() =>
        Gen.Select(Gen.Byte.Array[0, 18], Gen.Bool).Sample((bytes, vlans) =>
        {
            ReceiveFilter filter = s_strict with { AllowedVlans = vlans ? new ulong[64] : null };
            return bytes.Length >= 14 || !filter.Accepts(bytes);
        });

    private static MacAddress Address(string text)
    {
        Assert.True(MacAddress.TryParse(text, out MacAddress address));
        return address;
    }

    private static byte[] Frame(MacAddress target)
    {
        byte[] frame = new byte[18];
        target.Write(frame);
        return frame;
    }
}
