namespace Nacelle.Configuration;

/// <summary>A limit with its burst.</summary>
/// <param name="Name">The property's name, such as totalBytes.</param>
/// <param name="Limit">The limit.</param>
/// <param name="Maximum">Of a burst.</param>
/// <param name="Length">Seconds of a burst.</param>
internal readonly record struct ThrottleLimit(string Name, ulong? Limit, ulong? Maximum, ulong? Length);

/// <summary>The six limits of a disk, one by one. Stateless.</summary>
internal static class ThrottleLimits
{
    internal static ThrottleLimit[] All(DiskThrottleConfiguration throttle) =>
    [
        new("totalBytes", throttle.TotalBytes, throttle.TotalBytesMaximum, throttle.TotalBytesLength),
        new("readBytes", throttle.ReadBytes, throttle.ReadBytesMaximum, throttle.ReadBytesLength),
        new("writeBytes", throttle.WriteBytes, throttle.WriteBytesMaximum, throttle.WriteBytesLength),
        new("totalOperations", throttle.TotalOperations, throttle.TotalOperationsMaximum, throttle.TotalOperationsLength),
        new("readOperations", throttle.ReadOperations, throttle.ReadOperationsMaximum, throttle.ReadOperationsLength),
        new("writeOperations", throttle.WriteOperations, throttle.WriteOperationsMaximum, throttle.WriteOperationsLength),
    ];

    /// <summary>Those that limit anything: 0 means no limit.</summary>
    internal static IEnumerable<ThrottleLimit> Given(DiskThrottleConfiguration throttle) =>
        All(throttle).Where(limit => limit.Limit > 0 || limit.Maximum > 0);
}
