using Nacelle.Devices.Platform;
using Nacelle.Devices.Tests.Interrupts;
using Nacelle.Devices.Tests.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Platform;

/// <summary>ACPI fixed hardware against ACPI 6.4, section 4.8.</summary>
public sealed class PowerManagementBlockTests
{
    private const long HalfTurn = (1L << 31) * 1_000_000 / PowerManagementBlock.TimerFrequency * 1000;
    private readonly HandClock _clock = new();
    private readonly RecordingLine _line = new();
    private readonly PowerManagementBlock _block;
    private int _off;

    public PowerManagementBlockTests() => _block = new PowerManagementBlock(_clock, _line, () => _off++);

    [Fact]
    public void The_timer_counts_at_its_frequency_in_32_bits()
    {
        _clock.Now = 1_000_000_000;
        Assert.Equal((ulong)PowerManagementBlock.TimerFrequency, Read(8, 4));
        Assert.Equal((ulong)(PowerManagementBlock.TimerFrequency & 0xFF), Read(8, 1) & 0xFF);
        _clock.Now = 100L * 365 * 86_400 * 1_000_000_000;
        Assert.InRange(Read(8, 4), 0UL, uint.MaxValue);
    }

    [Fact]
    public void The_top_bits_change_is_told_once_and_to_those_who_only_look()
    {
        Write(2, 2, 1);
        _clock.MoveTo(HalfTurn - 1_000_000);
        Assert.False(_line.IsAsserted);
        _clock.MoveTo(HalfTurn + 1_000_000);
        Assert.True(_line.IsAsserted);
        Write(0, 2, 1);
        Assert.False(_line.IsAsserted);
        Write(2, 2, 0);
        _clock.MoveTo((2 * HalfTurn) + 1_000_000);
        Assert.Equal(1UL, Read(0, 2) & 1);
        Assert.False(_line.IsAsserted);
    }

    [Fact]
    public void The_power_button_waits_for_a_guest_that_listens()
    {
        Assert.False(_block.PressPowerButton());
        Assert.False(_line.IsAsserted);
        Write(2, 2, 0x100);
        Assert.True(_line.IsAsserted);
        Write(0, 2, 0x100);
        Assert.False(_line.IsAsserted);
        Assert.True(_block.PressPowerButton());
        Assert.True(_line.IsAsserted);
    }

    [Theory]
    [InlineData(0x2000, 0)]
    [InlineData(0x1400, 0)]
    [InlineData(0x3400, 1)]
    [InlineData(0x3000, 0)]
    public void Only_S5_with_its_enable_bit_powers_off(ulong control, int off)
    {
        Write(4, 2, control);
        Assert.Equal(off, _off);
        Assert.Equal(1UL, Read(4, 2) & 0x2001);
    }

    [Fact]
    public void General_purpose_events_and_odd_accesses_stay_inside()
    {
        for (ulong offset = 0; offset < PowerManagementBlock.Length; offset++)
        {
            foreach (int size in (int[])[1, 2, 4])
            {
                if (offset + (ulong)size <= PowerManagementBlock.Length && offset is not (4 or 5 or 3 or 2))
                {
                    Write(offset, size, ulong.MaxValue >> (64 - (size * 8)));
                    Assert.Equal(0UL, Read(offset, size) >> (size * 8));
                }
            }
        }

        _block.Reset();
        Assert.False(_line.IsAsserted);
    }

    private ulong Read(ulong offset, int size) => ((IAddressRangeHandler)_block).Read(offset, size);

    private void Write(ulong offset, int size, ulong value) => ((IAddressRangeHandler)_block).Write(offset, size, value);
}
