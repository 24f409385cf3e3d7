namespace Nacelle.Machine.Tests.Network;

public sealed class NetworkDescriptionTests
{
    [Fact]
    public void A_tap_needs_a_name() =>
        AssertRefused("network 0: a tap has no name", new NetworkDescription { Kind = NetworkBackendKind.Tap });

    [Fact]
    public void User_mode_has_no_tap() =>
        AssertRefused("has no tap", new NetworkDescription { Kind = NetworkBackendKind.User, TapName = "tap0" });

    [Fact]
    public void User_mode_has_one_queue_pair() =>
        AssertRefused("one queue pair and 2", new NetworkDescription { Kind = NetworkBackendKind.User, Queues = 2 });

    [Fact]
    public void A_tap_forwards_no_ports() => AssertRefused(
        "ports are forwarded by user-mode networking only",
        new NetworkDescription { Kind = NetworkBackendKind.Tap, TapName = "tap0", PortForwards = [new PortForward(8080, 80)] });

    [Theory]
    [InlineData("")]
    [InlineData("52:54:00:12:34")]
    [InlineData("01:00:5e:00:00:01")]
    [InlineData("00:00:00:00:00:00")]
    public void An_address_that_no_station_has_is_refused(string address) => AssertRefused(
        "cannot be a station's address",
        new NetworkDescription { Kind = NetworkBackendKind.User, MacAddress = address });

    [Fact]
    public void A_tap_with_an_impossible_name_is_refused() => AssertRefused(
        "cannot name a tap", new NetworkDescription { Kind = NetworkBackendKind.Tap, TapName = "a name with spaces" });

    private static void AssertRefused(string reason, NetworkDescription network)
    {
        MachineException error = Assert.Throws<MachineException>(() => VirtualMachine.Build(
            new MachineDescription
            {
                KernelPath = "/nonexistent/kernel",
                Accelerator = AcceleratorChoice.Translator,
                Networks = [network],
            },
            serial: null));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
