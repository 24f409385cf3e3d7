namespace Nacelle.Machine.Tests.Guests;

/// <summary>The board's timers as a stock kernel finds them.</summary>
public sealed class TimerTests
{
    [Theory]
    [InlineData(true, "yes")]
    [InlineData(false, "no")]
    public void A_guest_finds_the_HPET_where_there_is_one(bool present, string expected)
    {
        Assert.SkipWhen(GuestImages.Missing is not null, GuestImages.Missing ?? "");
        using GuestRun run = new(
            "table=no; [ ! -e /sys/firmware/acpi/tables/HPET ] || table=yes\n"
            + "source=no; ! grep -q hpet /sys/devices/system/clocksource/clocksource0/available_clocksource || source=yes\n"
            + "echo \"table $table, clock source $source\"\n",
            machine => machine with { HighPrecisionTimer = present });
        run.Await($"table {expected}, clock source {expected}");
        run.AssertSucceeded();
    }
}
