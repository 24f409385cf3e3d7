using System.Globalization;
using System.Text;
using Nacelle.Linux;

namespace Nacelle.Network;

/// <summary>Says what stands between a user and a tap.</summary>
internal static class TapErrors
{
    private const int NotPermitted = 1;
    private const int NotFound = 2;
    private const int NoSuchDeviceOrAddress = 6;
    private const int AccessDenied = 13;
    private const int Busy = 16;
    private const int NoSuchDevice = 19;
    private const int InvalidArgument = 22;
    private const int TooBig = 7;
    private const int MultiQueueFlag = 0x100;

    /// <exception cref="NetworkOpenException">No tap can be asked for like this.</exception>
    public static void Check(string name, int queues)
    {
        // A '%' would be a pattern for the host to number; the rest are the kernel's own rules for names.
        bool valid = Encoding.UTF8.GetByteCount(name) is > 0 and <= 15 && name is not ("." or "..")
            && !name.Any(character => char.IsWhiteSpace(character) || char.IsControl(character) || character is '/' or ':' or '%');
        if (!valid)
        {
            throw new NetworkOpenException(
                $"'{name}' cannot name a tap: use 1 to 15 characters other than space, '/', ':' and '%'");
        }

        if (queues is < 1 or > TapBackend.MaximumQueues)
        {
            throw new NetworkOpenException($"tap '{name}' cannot have {queues} queues: ask for 1 to {TapBackend.MaximumQueues}");
        }
    }

    /// <summary>Whether the host says that the tap was made for several queues.</summary>
    public static bool IsMultiQueue(string name) => Flags(name) is { } flags && (flags & MultiQueueFlag) != 0;

    /// <summary>Whether the host says that the tap was made for one queue.</summary>
    public static bool IsForOneQueue(string name) => Flags(name) is { } flags && (flags & MultiQueueFlag) == 0;

    /// <summary>There is no such interface: says how to make it, and which taps there are.</summary>
    public static NetworkOpenException Missing(string name, int queues)
    {
        string[] taps = Taps();
        string others = taps.Length == 0 ? "" : $"use {string.Join(" or ", taps)}, or ";
        return new NetworkOpenException($"there is no tap '{name}': {others}make it as root: {Making(name, queues)}");
    }

    public static NetworkOpenException Explain(LinuxException error, string name, int queues)
    {
        string reason = error.ErrorNumber switch
        {
            NotFound or NoSuchDevice or NoSuchDeviceOrAddress when error.Operation.StartsWith("open", StringComparison.Ordinal) =>
                "the host has no /dev/net/tun; load it with 'modprobe tun'",
            AccessDenied or NotPermitted when error.Operation.StartsWith("open", StringComparison.Ordinal) =>
                "this user may not open /dev/net/tun; change its permissions",
            AccessDenied or NotPermitted => $"it belongs to another user; as root: ip tuntap del dev {name} mode tap; {Making(name, queues)}",
            Busy => "another process is attached to it; stop that first or use another tap",
            TooBig => $"it has no room for {queues} more queues; ask for fewer",
            InvalidArgument when IsTap(name) == false => "that interface is no tap; name one made by 'ip tuntap add mode tap'",
            InvalidArgument when queues > 1 =>
                $"it was made for one queue; ask for queues=1, or make it again: ip tuntap add dev {name} mode tap multi_queue",
            InvalidArgument => "that interface is no tap, or its kind does not fit; name one made by 'ip tuntap add mode tap'",
            _ => error.Message,
        };
        return new NetworkOpenException($"cannot use tap '{name}': {reason}", error);
    }

    private static string Making(string name, int queues) =>
        $"ip tuntap add dev {name} mode tap{(queues > 1 ? " multi_queue" : "")} user {Environment.UserName}; ip link set {name} up";

    /// <summary>Names of some taps that the host has, as far as sysfs tells.</summary>
    private static string[] Taps()
    {
        const int most = 3;
        try
        {
            return [.. Directory.EnumerateDirectories("/sys/class/net").Select(path => Path.GetFileName(path)!)
                .Where(name => IsTap(name) == true && NetworkInterface.Exists(name)).Order(StringComparer.Ordinal).Take(most)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Whether the interface is a tap; null where the host does not tell.</summary>
    private static bool? IsTap(string name) =>
        Flags(name) is { } flags ? (flags & 2) != 0 : Directory.Exists($"/sys/class/net/{name}") ? false : null;

    /// <summary>TUN flags of an interface as sysfs has them; null for other interfaces, and where sysfs is that of another namespace.</summary>
    private static int? Flags(string name)
    {
        try
        {
            string text = File.ReadAllText($"/sys/class/net/{name}/tun_flags").Trim();
            return int.TryParse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int flags) ? flags : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            return null;
        }
    }
}
