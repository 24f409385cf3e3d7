namespace Nacelle.Configuration;

/// <summary>Limits of a disk's requests, under the names that QEMU has for them in different places. Stateless.</summary>
internal static class QemuThrottles
{
    private static readonly (string Qemu, string Xml)[] s_limits =
    [
        ("bps-total", "total_bytes_sec"), ("bps-read", "read_bytes_sec"), ("bps-write", "write_bytes_sec"),
        ("iops-total", "total_iops_sec"), ("iops-read", "read_iops_sec"), ("iops-write", "write_iops_sec"),
    ];

    /// <summary>Names in -drive; of two names for one limit the first is written.</summary>
    internal static (string Qemu, string Xml)[] DriveKeys { get; } =
    [
        .. All("throttling."), ("throttling.iops-size", "size_iops_sec"), ("throttling.group", "group_name"),
        ("bps", "total_bytes_sec"), ("bps_rd", "read_bytes_sec"), ("bps_wr", "write_bytes_sec"),
        ("iops", "total_iops_sec"), ("iops_rd", "read_iops_sec"), ("iops_wr", "write_iops_sec"),
        ("bps_max", "total_bytes_sec_max"), ("bps_rd_max", "read_bytes_sec_max"), ("bps_wr_max", "write_bytes_sec_max"),
        ("iops_max", "total_iops_sec_max"), ("iops_rd_max", "read_iops_sec_max"), ("iops_wr_max", "write_iops_sec_max"),
        ("iops_size", "size_iops_sec"), ("group", "group_name"),
    ];

    /// <summary>Names in an object throttle-group.</summary>
    internal static (string Qemu, string Xml)[] GroupKeys { get; } =
        [.. All("limits."), ("limits.iops-size", "size_iops_sec"), .. All("x-"), ("x-iops-size", "size_iops_sec")];

    /// <summary>Takes what is given of them.</summary>
    internal static void Move(QemuMachineTree tree, QemuSettings settings, XmlTreeElement disk, (string Qemu, string Xml)[] keys)
    {
        foreach ((string qemu, string xml) in keys)
        {
            tree.Move(settings, qemu, disk, $"iotune/{xml}", xml == "group_name" ? QemuValueKind.Text : QemuValueKind.Bytes);
        }
    }

    private static IEnumerable<(string Qemu, string Xml)> All(string prefix) => s_limits.SelectMany(limit => ((string Qemu, string Xml)[])
        [
            ($"{prefix}{limit.Qemu}", limit.Xml), ($"{prefix}{limit.Qemu}-max", $"{limit.Xml}_max"),
            ($"{prefix}{limit.Qemu}-max-length", $"{limit.Xml}_max_length"),
        ]);
}
