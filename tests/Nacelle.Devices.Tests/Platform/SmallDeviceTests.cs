using Nacelle.Devices.Platform;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Platform;

/// <summary>The keyboard controller, fw_cfg, pvpanic and the reset switches, register by register.</summary>
public sealed class SmallDeviceTests
{
    private readonly AddressSpace _ports = new("port");
    private int _resets;

    [Fact]
    public void The_keyboard_controller_tests_itself_and_keeps_its_configuration()
    {
        new KeyboardController(() => _resets++).Map(_ports);
        Assert.Equal(0x55UL, Command(0xAA));
        Assert.Equal(0UL, Command(0xAB));
        Assert.Equal(0x74UL, Command(0x20));
        _ports.Write(0x64, 1, 0x60);
        Assert.Equal(8UL, _ports.Read(0x64, 1) & 8);
        _ports.Write(0x60, 1, 0x47);
        Assert.Equal(0x47UL, Command(0x20));
        _ports.Write(0x64, 1, 0xAD);
        _ports.Write(0x64, 1, 0xA7);
        Assert.Equal(0x77UL, Command(0x20));
        _ports.Write(0x64, 1, 0xD2);
        _ports.Write(0x60, 1, 0x9C);
        Assert.Equal(1UL, _ports.Read(0x64, 1) & 1);
        Assert.Equal(0x9CUL, _ports.Read(0x60, 1));
        Assert.Equal(0UL, _ports.Read(0x64, 1) & 1);
    }

    [Fact]
    public void Only_a_pulse_or_level_of_the_reset_line_resets()
    {
        new KeyboardController(() => _resets++).Map(_ports);
        for (int command = 0; command < 0xF0; command++)
        {
            _ports.Write(0x64, 1, (byte)command);
        }

        Assert.Equal(0, _resets);
        _ports.Write(0x64, 1, 0xFF);
        Assert.Equal(0, _resets);
        _ports.Write(0x64, 1, 0xFE);
        Assert.Equal(1, _resets);
        _ports.Write(0x64, 1, 0xD1);
        _ports.Write(0x60, 1, 3);
        Assert.Equal(1, _resets);
        _ports.Write(0x64, 1, 0xD1);
        _ports.Write(0x60, 1, 2);
        Assert.Equal(2, _resets);
    }

    [Fact]
    public void Firmware_configuration_gives_its_items_byte_by_byte_and_zeros_after_them()
    {
        FirmwareConfiguration configuration = new(0x1234_5678_9000, 3);
        _ports.Map(FirmwareConfiguration.Port, FirmwareConfiguration.Length, "fw_cfg", configuration);
        Assert.Equal("QEMU\0\0"u8.ToArray(), Item(0, 6));
        Assert.Equal([1, 0, 0, 0, 0], Item(1, 5));
        Assert.Equal([0, 0x90, 0x78, 0x56, 0x34, 0x12, 0, 0], Item(3, 8));
        Assert.Equal([3, 0, 0], Item(5, 3));
        Assert.Equal([0, 0], Item(0xFFFF, 2));
        configuration.Reset();
        Assert.Equal((ulong)'Q', _ports.Read(0x511, 1));
    }

    [Theory]
    [InlineData(1, GuestPanic.Panicked)]
    [InlineData(2, GuestPanic.CrashLoaded)]
    [InlineData(3, GuestPanic.Panicked)]
    [InlineData(0xFC, null)]
    public void A_panic_is_told_by_its_bit(byte value, GuestPanic? expected)
    {
        GuestPanic? told = null;
        IAddressRangeHandler notifier = new PanicNotifier(panic => told = panic);
        Assert.Equal(3UL, notifier.Read(0, 1));
        notifier.Write(0, 1, value);
        Assert.Equal(expected, told);
    }

    [Fact]
    public void The_reset_switches_reset_by_their_bits()
    {
        ResetControl control = new(() => _resets++);
        control.Write(2);
        Assert.Equal(0, _resets);
        control.Write(6);
        Assert.Equal(1, _resets);
        Assert.Equal(2UL, ((IAddressRangeHandler)control).Read(0, 1));
        IAddressRangeHandler port = new SystemControlPort(() => _resets++);
        port.Write(0, 1, 2);
        Assert.Equal(1, _resets);
        port.Write(0, 1, 3);
        port.Write(0, 1, 3);
        Assert.Equal(2, _resets);
        Assert.Equal(3UL, port.Read(0, 1));
    }

    private ulong Command(byte command)
    {
        _ports.Write(0x64, 1, command);
        return _ports.Read(0x60, 1);
    }

    private byte[] Item(ushort number, int length)
    {
        _ports.Write(FirmwareConfiguration.Port, 2, number);
        return [.. Enumerable.Range(0, length).Select(_ => (byte)_ports.Read(FirmwareConfiguration.Port + 1, 1))];
    }
}
