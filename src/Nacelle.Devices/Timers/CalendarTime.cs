namespace Nacelle.Devices.Timers;

/// <summary>
/// A moment of the Gregorian calendar in years 0 to 9999, which follow one another in a circle, as two registers of two digits
/// make them: no contents of them is out of range.
/// </summary>
internal readonly record struct CalendarTime
{
    private const long SecondsPerDay = 86_400;

    // 25 turns of the calendar's own 400 years, so that dates, leap years and days of the week come out even.
    private const long SecondsPerCircle = 25 * 146_097 * SecondsPerDay;
    private const int FirstDayOfWeek = 6;

    private CalendarTime(long seconds)
    {
        Seconds = ((seconds % SecondsPerCircle) + SecondsPerCircle) % SecondsPerCircle;
        (long day, long rest) = Math.DivRem(Seconds, SecondsPerDay);
        (Hour, Minute, Second) = ((int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));

        // 1 January of the year 0 was a Saturday.
        DayOfWeek = (int)((day + FirstDayOfWeek) % 7);
        int year = (int)(day * 400 / 146_097);
        while (DaysBefore(year + 1) <= day)
        {
            year++;
        }

        while (DaysBefore(year) > day)
        {
            year--;
        }

        int left = (int)(day - DaysBefore(year));
        int month = 1;
        while (left >= DaysIn(year, month))
        {
            left -= DaysIn(year, month++);
        }

        (Year, Month, Day) = (year, month, left + 1);
    }

    /// <summary>Seconds since the year 0 began.</summary>
    public long Seconds { get; }

    /// <summary>0 to 9999.</summary>
    public int Year { get; }

    /// <summary>1 to 12.</summary>
    public int Month { get; }

    /// <summary>1 to 31.</summary>
    public int Day { get; }

    /// <summary>0 for Sunday to 6.</summary>
    public int DayOfWeek { get; }

    /// <summary>0 to 23.</summary>
    public int Hour { get; }

    /// <summary>0 to 59.</summary>
    public int Minute { get; }

    /// <summary>0 to 59.</summary>
    public int Second { get; }

    /// <summary>Takes whatever numbers there are; what is out of its range becomes the nearest that is in it.</summary>
    public static CalendarTime Nearest(int year, int month, int day, int hour, int minute, int second)
    {
        year = ((year % 10_000) + 10_000) % 10_000;
        month = Math.Clamp(month, 1, 12);
        long days = DaysBefore(year) + Math.Clamp(day, 1, DaysIn(year, month)) - 1;
        for (int i = 1; i < month; i++)
        {
            days += DaysIn(year, i);
        }

        return new CalendarTime(
            (days * SecondsPerDay) + (Math.Clamp(hour, 0, 23) * 3600) + (Math.Clamp(minute, 0, 59) * 60) + Math.Clamp(second, 0, 59));
    }

    /// <summary>The moment some seconds later.</summary>
    public CalendarTime Plus(long seconds) => new(Seconds + (seconds % SecondsPerCircle));

    private static long DaysBefore(long year) => year == 0 ? 0 : (year * 365) + ((year + 3) / 4) - ((year + 99) / 100) + ((year + 399) / 400);

    private static int DaysIn(int year, int month) => month switch
    {
        2 => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28,
        4 or 6 or 9 or 11 => 30,
        _ => 31,
    };
}
