using CsCheck;
using Nacelle.Machine;

namespace Nacelle.Configuration.Tests;

/// <summary>Option values: read, refused, and written back.</summary>
public sealed class OptionTests
{
    private static readonly Gen<string> s_text = Gen.Char.Array[1, 30].Select(characters => new string(characters));

    [Fact]
    public void A_disk_has_every_option()
    {
        DiskDescription disk = DiskOption.Parse(
            "a,,b.img,cache=directsync,discard=off,on-error=stop-when-full,packed=on,queues=8,readonly=on,serial=N 1");
        Assert.Equal(
            new DiskDescription
            {
                Path = "a,b.img",
                Cache = DiskCacheMode.DirectSync,
                Discard = false,
                OnError = DiskErrorPolicy.StopWhenFull,
                Packed = true,
                Queues = 8,
                ReadOnly = true,
                Serial = "N 1",
            },
            disk);
    }

    [Fact]
    public void Disks_are_read_back_as_written()
    {
        Gen<DiskDescription> disks =
            from path in s_text
            from cache in Gen.Enum<DiskCacheMode>()
            from policy in Gen.Enum<DiskErrorPolicy>()
            from switches in Gen.Int[0, 7]
            from queues in Gen.Int[0, DiskOption.MostQueues]
            from serial in Gen.Char[' ', '~'].Array[0, DiskOption.LongestSerial]
            select new DiskDescription
            {
                Path = path,
                Cache = cache,
                OnError = policy,
                Discard = (switches & 1) != 0,
                Packed = (switches & 2) != 0,
                ReadOnly = (switches & 4) != 0,
                Queues = queues,
                Serial = serial.Length == 0 ? null : new string(serial),
            };
        disks.Sample(disk => Assert.Equal(disk, DiskOption.Parse(DiskOption.Format(disk))));
    }

    [Theory]
    [InlineData("", "names no file")]
    [InlineData(",readonly=on", "names no file")]
    [InlineData("d,", "unknown disk option ''")]
    [InlineData("d,bogus=1", "unknown disk option 'bogus'")]
    [InlineData("d,readonly=yes", "unknown value of disk option readonly 'yes'")]
    [InlineData("d,queues=0", "from 1 to 64")]
    [InlineData("d,queues=-1", "from 1 to 64")]
    [InlineData("d,queues=65", "from 1 to 64")]
    [InlineData("d,cache=none,cache=none", "given twice")]
    [InlineData("d,serial=", "1 to 20 printable")]
    [InlineData("d,serial=123456789012345678901", "1 to 20 printable")]
    [InlineData("d,serial=é", "1 to 20 printable")]
    public void A_wrong_disk_is_refused(string text, string reason) => AssertRefused(() => DiskOption.Parse(text), reason);

    [Fact]
    public void A_network_has_every_option()
    {
        NetworkDescription? network = NetworkOption.Parse("user,mac=52:54:00:AB:cd:EF,packed=on,queues=2,forward=2222:22,forward=8080:80");
        Assert.NotNull(network);
        Assert.Equal(NetworkBackendKind.User, network.Kind);
        Assert.Equal("52:54:00:ab:cd:ef", network.MacAddress);
        Assert.True(network.Packed);
        Assert.Equal(2, network.Queues);
        Assert.Equal([new PortForward(2222, 22), new PortForward(8080, 80)], network.PortForwards);
        Assert.Equal(
            [
                new PortForward(1, 2, "127.0.0.1"), new PortForward(3, 4, "192.0.2.1"), new PortForward(5, 6, "2001:db8::1"), new PortForward(7, 8, null),
                new PortForward(1, 9, "127.0.0.1", true), new PortForward(3, 10, "::1", true),
            ],
            NetworkOption.Parse("user,forward=tcp:1:2,forward=192.0.2.1:3:4,forward=[2001:DB8::1]:5:6,forward=*:7:8,forward=udp:1:9,forward=udp:[::1]:3:10")!.PortForwards);
        Assert.Equal("tap0", NetworkOption.Parse("tap:tap0")?.TapName);
        Assert.Null(NetworkOption.Parse("none"));
    }

    [Fact]
    public void Networks_are_read_back_as_written()
    {
        Gen<NetworkDescription> networks =
            from tap in Gen.Bool
            from name in Gen.Char.AlphaNumeric.Array[1, NetworkOption.LongestInterfaceName]
            from mac in Gen.Byte.Array[6]
            from packed in Gen.Bool
            from queues in Gen.Int[0, NetworkOption.MostQueues]
            from ports in Gen.Select(
                Gen.UShort[1, ushort.MaxValue], Gen.UShort[1, ushort.MaxValue], Gen.Int[0, 4].Select(place => new[] { null, "127.0.0.1", "0.0.0.0", "::", "fe80::1" }[place]), Gen.Bool).Array[0, 4]
            select new NetworkDescription
            {
                Kind = tap ? NetworkBackendKind.Tap : NetworkBackendKind.User,
                TapName = tap ? new string(name) : null,
                MacAddress = string.Join(':', mac.Select((b, i) => (i == 0 ? b & 0xFE | 2 : b).ToString("x2", System.Globalization.CultureInfo.InvariantCulture))),
                Packed = packed,
                Queues = queues,
                PortForwards = tap ? [] : [.. ports.DistinctBy(port => port.Item1).Select(port => new PortForward(port.Item1, port.Item2, port.Item3, port.Item4))],
            };
        networks.Sample(network =>
        {
            NetworkDescription? read = NetworkOption.Parse(NetworkOption.Format(network));
            Assert.NotNull(read);
            Assert.Equal(network with { PortForwards = [] }, read with { PortForwards = [] });
            Assert.Equal(network.PortForwards, read.PortForwards);
        });
    }

    [Theory]
    [InlineData("", "unknown network ''")]
    [InlineData("tap", "did you mean 'tap:NAME'")]
    [InlineData("tap:", "is not a name of a tap interface")]
    [InlineData("tap:a/b", "is not a name of a tap interface")]
    [InlineData("tap:..", "is not a name of a tap interface")]
    [InlineData("tap:tap%d", "is not a name of a tap interface")]
    [InlineData("tap:sixteenbyteslong", "is not a name of a tap interface")]
    [InlineData("none,queues=1", "takes no options")]
    [InlineData("tap:t,forward=1:2", "needs network 'user'")]
    [InlineData("user,forward=22", "HOSTPORT:GUESTPORT")]
    [InlineData("user,forward=1:65536", "HOSTPORT:GUESTPORT")]
    [InlineData("user,forward=:1:2", "HOSTPORT:GUESTPORT")]
    [InlineData("user,forward=sctp:1:2", "'sctp' is not an address")]
    [InlineData("user,forward=localhost:1:2", "'localhost' is not an address: write numbers")]
    [InlineData("user,forward=127.1:1:2", "'127.1' is not an address")]
    [InlineData("user,forward=[127.0.0.1]:1:2", "'[127.0.0.1]' is not an address")]
    [InlineData("user,forward=[::1:2", "'[:' is not an address")]
    [InlineData("user,forward=1:2,forward=1:3", "host port 1 is forwarded twice")]
    [InlineData("user,forward=1:2,forward=127.0.0.2:1:3", "host port 1 is forwarded twice")]
    [InlineData("user,forward=udp:1:2,forward=udp:[::1]:1:3", "host port udp:1 is forwarded twice")]
    [InlineData("user,mac=52:54:00:12:34", "is not a MAC address")]
    [InlineData("user,mac=53:54:00:12:34:56", "group address")]
    [InlineData("user,mac=00:00:00:00:00:00", "or zero")]
    [InlineData("user,queues=9", "from 1 to 8")]
    public void A_wrong_network_is_refused(string text, string reason) => AssertRefused(() => NetworkOption.Parse(text), reason);

    [Fact]
    public void Serial_connections_are_read_back_as_written()
    {
        Gen<SerialDescription> ports =
            from kind in Gen.Enum<SerialKind>()
            from path in s_text
            select new SerialDescription(kind, kind is SerialKind.File or SerialKind.Socket || (kind == SerialKind.Terminal && path.Length % 2 == 0) ? path : null);
        ports.Sample(port => Assert.Equal(port, SerialOption.Parse(SerialOption.Format(port))));
    }

    [Theory]
    [InlineData("", "unknown serial connection ''")]
    [InlineData("stdio:x", "takes no path")]
    [InlineData("none:", "takes no path")]
    [InlineData("file", "write file:PATH")]
    [InlineData("socket:", "write socket:PATH")]
    [InlineData("pty:", "write pty, or pty:LINK")]
    [InlineData("tty", "unknown serial connection 'tty': did you mean 'pty'?")]
    public void A_wrong_serial_connection_is_refused(string text, string reason) =>
        AssertRefused(() => SerialOption.Parse(text), reason);

    [Theory]
    [InlineData("auto", AcceleratorChoice.Auto, 256 << 20, 0)]
    [InlineData("kvm", AcceleratorChoice.Kvm, 256 << 20, 0)]
    [InlineData("translator,code-cache=1M", AcceleratorChoice.Translator, 1 << 20, 0)]
    [InlineData("auto,code-cache=1G", AcceleratorChoice.Auto, 1 << 30, 0)]
    [InlineData("translator,evict-every=7,code-cache=4100K", AcceleratorChoice.Translator, 4100 << 10, 7)]
    public void An_accelerator_is_read(string text, AcceleratorChoice choice, int codeCache, int evictEvery)
    {
        AcceleratorOption option = AcceleratorOption.Parse(text);
        Assert.Equal(choice, option.Choice);
        Assert.Equal(codeCache, option.Translator.CodeCacheBytes);
        Assert.Equal(evictEvery, option.Translator.EvictEvery);
    }

    [Theory]
    [InlineData("", "unknown accelerator ''")]
    [InlineData("translator,cache=4M", "unknown accelerator option 'cache'")]
    [InlineData("translator,code-cache", "has no value")]
    [InlineData("translator,code-cache=1020K", "give a multiple of 4K from 1M to 1G")]
    [InlineData("translator,code-cache=1025M", "give a multiple of 4K from 1M to 1G")]
    [InlineData("translator,code-cache=2049K", "give a multiple of 4K from 1M to 1G")]
    [InlineData("translator,code-cache=much", "is not a size")]
    [InlineData("translator,code-cache=2M,code-cache=2M", "given twice")]
    [InlineData("translator,evict-every=0", "from 1 to 1000000000")]
    [InlineData("kvm,code-cache=4M", "is the translator's and kvm was asked for")]
    public void A_wrong_accelerator_is_refused(string text, string reason) => AssertRefused(() => AcceleratorOption.Parse(text), reason);

    [Fact]
    public void No_text_is_answered_by_anything_but_a_description_or_a_refusal() => Gen.OneOf(
        s_text, s_text.Select(text => $"d,{text}"), s_text.Select(text => $"user,{text}"), s_text.Select(text => $"tap:{text}"),
        s_text.Select(text => $"translator,{text}")).Sample(text =>
    {
        foreach (Action parse in (Action[])[
            () => DiskOption.Parse(text), () => NetworkOption.Parse(text), () => SerialOption.Parse(text),
            () => ByteSize.Parse("size", text), () => AcceleratorOption.Parse(text),
            () => MachineOptions.ParseMemory(text), () => MachineOptions.ParseName(text), () => MachineOptions.ParseVirtualCpus(text)])
        {
            try
            {
                parse();
            }
            catch (ConfigurationException error)
            {
                Assert.NotEmpty(error.Message);
            }
        }
    });

    private static void AssertRefused(Action parse, string reason) =>
        Assert.Contains(reason, Assert.Throws<ConfigurationException>(parse).Message, StringComparison.Ordinal);
}
