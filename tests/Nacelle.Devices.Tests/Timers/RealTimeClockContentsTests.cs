using CsCheck;
using Nacelle.Devices.Tests.Interrupts;
using Nacelle.Devices.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Timers;

/// <summary>What a guest may write into the clock, and what it reads afterwards (MC146818A data sheet).</summary>
public sealed class RealTimeClockContentsTests
{
    private const long Second = 1_000_000_000;
    private readonly HandClock _time = new() { Now = 5 };
    private readonly RecordingLine _line = new();
    private readonly RealTimeClock _clock;

    public RealTimeClockContentsTests() => _clock = new RealTimeClock(_time, _line, new DateTime(2026, 12, 1, 10, 30, 59, DateTimeKind.Utc));

    [Fact]
    public void Begins_with_the_hosts_time_and_goes_on()
    {
        Assert.Equal("2026-12-01 3 10:30:59", Show());
        _time.Now += Second;
        Assert.Equal("2026-12-01 3 10:31:00", Show());
        _time.Now += 86_400 * Second * 31;
        Assert.Equal("2027-01-01 6 10:31:00", Show());
    }

    [Theory]
    [InlineData(0x00, 0x00, "0000-01-01", "0000-01-01")]
    [InlineData(0x00, 0x01, "0001-01-01", "0001-01-01")]
    [InlineData(0x99, 0x99, "9999-12-31", "0000-01-01")]
    [InlineData(0xFF, 0xFF, "6665-12-31", "6666-01-01")]
    public void Any_year_is_taken_and_goes_on(byte century, byte year, string shown, string tomorrow)
    {
        Write(0xB, 0x82);
        Write(0x32, century);
        Write(9, year);
        Write(8, shown[5] == '1' ? (byte)0x12 : (byte)1);
        Write(7, shown[8] == '3' ? (byte)0x31 : (byte)1);
        Write(4, 0x23);
        Write(2, 0x59);
        Write(0, 0x59);
        Write(0xB, 2);
        Assert.StartsWith(shown, Show(), StringComparison.Ordinal);
        _time.Now += Second;
        if (tomorrow != shown)
        {
            Assert.StartsWith(tomorrow, Show(), StringComparison.Ordinal);
        }

        Assert.EndsWith("00:00:00", Show(), StringComparison.Ordinal);
    }

    [Fact]
    public void Registers_that_the_guest_sets_read_back_as_they_are_until_the_clock_goes()
    {
        Write(0xB, 0x82);
        foreach (byte index in new byte[] { 0, 2, 4, 6, 7, 8, 9, 0x32 })
        {
            Write(index, (byte)(0xE0 + (index & 15)));
            Assert.Equal((byte)(0xE0 + (index & 15)), Read(index));
        }

        _time.Now += 100 * Second;
        Assert.Equal(0xE0, Read(0));
    }

    [Fact]
    public void No_contents_in_any_format_break_it_and_what_it_shows_is_a_date() =>
        Gen.Select(Gen.Byte, Gen.Byte.Array[8], Gen.Bool, Gen.Long[0, 250L * 365 * 86_400 * Second]).Sample((control, values, set, jump) =>
            // Samples run side by side: each has a clock of its own.
            new RealTimeClockContentsTests().ShowsADateAfter(control, values, set, jump));

    [Theory]
    [InlineData(0, 0x88, 0x90)]
    [InlineData(0, 0x12, 0x02)]
    [InlineData(2, 0x20, 0x22)]
    [InlineData(4, 0x88, 0x8A)]
    [InlineData(4, 0x8A, 0x8C - 0x80)]
    [InlineData(6, 20, 22)]
    public void The_hour_is_written_in_each_format(byte format, byte hour, byte later)
    {
        Write(0xB, (byte)(0x80 | format));
        Write(4, hour);
        Write(0xB, format);
        _time.Now += 2 * 3600 * Second;
        Assert.Equal(later, Read(4));
    }

    [Theory]
    [InlineData(0xFF, 0xFF, 0xFF, 1)]
    [InlineData(0x05, 0xFF, 0xFF, 6)]
    [InlineData(0x00, 0x32, 0x10, 61)]
    [InlineData(0x00, 0x00, 0x11, 1 + (29 * 60))]
    public void The_alarm_rings_at_its_time_and_ones_match_always(byte second, byte minute, byte hour, int after)
    {
        Write(1, second);
        Write(3, minute);
        Write(5, hour);
        Write(0xB, 0x22);
        long start = _time.Now;
        _time.MoveTo(start + ((after - 1) * Second) + (Second / 2));
        Assert.False(_line.IsAsserted);
        _time.MoveTo(start + (after * Second) + (Second / 2));
        Assert.True(_line.IsAsserted);
        Assert.Equal(0xB0, Read(0xC) & 0xB0);
        Assert.False(_line.IsAsserted);
    }

    [Fact]
    public void An_alarm_that_the_host_slept_through_rings_when_it_wakes()
    {
        Write(1, 0x10);
        Write(3, 0x31);
        Write(5, 0x10);
        Write(0xB, 0x22);
        _time.Now += 3600 * Second;
        _time.FireAll();
        Assert.True(_line.IsAsserted);
    }

    [Fact]
    public void Flags_are_set_for_those_who_only_look()
    {
        Read(0xC);
        _time.Now += Second;
        Assert.Equal(0x50, Read(0xC) & 0x70);
        Assert.Equal(0, Read(0xC) & 0x10);
        Assert.False(_line.IsAsserted);
    }

    [Fact]
    public void The_divider_in_reset_stops_the_clock_and_its_first_update_comes_half_a_second_later()
    {
        Write(0xA, 0x76);
        _time.Now += 100 * Second;
        Assert.Equal("2026-12-01 3 10:30:59", Show());
        Write(0xA, 0x26);
        _time.Now += (Second / 2) - 1;
        Assert.Equal("2026-12-01 3 10:30:59", Show());
        _time.Now++;
        Assert.Equal("2026-12-01 3 10:31:00", Show());
    }

    [Fact]
    public void Years_that_jump_by_are_one_periodic_interrupt()
    {
        Write(0xA, 0x23);
        Write(0xB, 0x42);
        _time.Now += 100L * 365 * 86_400 * Second;
        _time.FireAll();
        Assert.Equal(1, _line.TakeRises());
        Read(0xC);
        _time.FireAll();
        Assert.Equal(0, _line.TakeRises());
    }

    private void ShowsADateAfter(byte control, byte[] values, bool set, long jump)
    {
        byte format = (byte)(control & 6);
        Write(0xB, (byte)(format | (set ? 0x80 : 0)));
        byte[] indices = [0, 2, 4, 6, 7, 8, 9, 0x32];
        for (int i = 0; i < indices.Length; i++)
        {
            Write(indices[i], values[i]);
        }

        Write(1, values[0]);
        Write(3, values[1]);
        Write(5, values[2]);
        Write(0xA, control);
        Write(0xB, (byte)(control & 0x7F));
        _time.Now += jump;
        _time.FireAll();
        Read(0xC);
        Write(0xA, 0x26);
        Write(0xB, 2);
        string shown = Show();
        bool sound = int.TryParse(shown[..4], out int year) && int.TryParse(shown[5..7], out int month)
            && int.TryParse(shown[8..10], out int day) && month is >= 1 and <= 12
            && day >= 1 && day <= DateTime.DaysInMonth(year is 0 ? 4 : year, month)
            && shown[11] is >= '1' and <= '7' && TimeOnly.TryParse(shown[13..], out _);
        Assert.True(sound, $"{shown} after {Convert.ToHexString(values)} with control {control:x2}");
    }

    /// <summary>The time in 24 hours and BCD.</summary>
    private string Show() =>
        $"{Read(0x32):x2}{Read(9):x2}-{Read(8):x2}-{Read(7):x2} {Read(6):x} {Read(4):x2}:{Read(2):x2}:{Read(0):x2}";

    private byte Read(byte index)
    {
        ((IAddressRangeHandler)_clock).Write(0, 1, index);
        return (byte)((IAddressRangeHandler)_clock).Read(1, 1);
    }

    private void Write(byte index, byte value)
    {
        ((IAddressRangeHandler)_clock).Write(0, 1, index);
        ((IAddressRangeHandler)_clock).Write(1, 1, value);
    }
}
