using CsCheck;

namespace Nacelle.Network.Tests;

public sealed class MacAddressTests
{
    [Theory]
    [InlineData("52:54:00:12:34:56", 0x5254_0012_3456UL)]
    [InlineData("FF:fF:ff:FF:ff:ff", 0xFFFF_FFFF_FFFFUL)]
    public void Text_is_read_in_either_case(string text, ulong value)
    {
        Assert.True(MacAddress.TryParse(text, out MacAddress address));
        Assert.Equal(value, address.Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("52:54:00:12:34")]
    [InlineData("52:54:00:12:34:56:78")]
    [InlineData("52:54:00:12:34:5")]
    [InlineData("52:54:00:12:34:+5")]
    [InlineData("52:54:00:12:34: 5")]
    [InlineData("52-54-00-12-34-56")]
    [InlineData("525400123456")]
    [InlineData("52:54:00:12:34:gg")]
    public void Other_text_is_refused(string text) => Assert.False(MacAddress.TryParse(text, out _));

    [Fact]
    public void Bytes_text_and_value_agree() => Gen.ULong[0, 0xFFFF_FFFF_FFFF].Sample(value =>
    {
        MacAddress address = new(value);
        byte[] bytes = new byte[6];
        address.Write(bytes);
        return MacAddress.Read(bytes) == address && MacAddress.TryParse(address.ToString(), out MacAddress read) && read == address;
    });

    [Fact]
    public void Derived_addresses_are_stable_local_and_apart()
    {
        Assert.Equal(MacAddress.Derive("web", 0), MacAddress.Derive("web", 0));
        HashSet<MacAddress> seen = [];
        for (int machine = 0; machine < 100; machine++)
        {
            for (int place = 0; place < 4; place++)
            {
                MacAddress address = MacAddress.Derive($"machine {machine}", place);
                Assert.False(address.IsGroup);
                Assert.True((address.Value & 0x0200_0000_0000) != 0);
                Assert.True(seen.Add(address));
            }
        }
    }

    [Fact]
    public void Random_addresses_are_local_and_apart()
    {
        MacAddress[] addresses = [.. Enumerable.Range(0, 100).Select(_ => MacAddress.Random())];
        Assert.All(addresses, address => Assert.True(!address.IsGroup && (address.Value & 0x0200_0000_0000) != 0, address.ToString()));
        Assert.Equal(addresses.Length, addresses.Distinct().Count());
    }
}
