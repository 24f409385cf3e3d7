using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace Nacelle.Configuration;

/// <summary>
/// What of a configuration machines of this version have. Whatever a configuration gives and this table does not know is refused, so
/// that nothing is accepted and dropped. Immutable.
/// </summary>
internal static partial class MachineSupport
{
    private const string Board = "the board is q35";
    private const string Direct = "machines boot a kernel directly: give <kernel>";

    /// <summary>By pointer with * for a place in a list: why a text is refused; null where it is had or changes nothing.</summary>
    private static readonly FrozenDictionary<string, Func<string, string?>> s_parts = new Dictionary<string, Func<string, string?>>
    {
        // For people and other programs: nothing of it reaches the guest.
        ["/id"] = Any,
        ["/title"] = Any,
        ["/description"] = Any,
        ["/metadata"] = Any,
        ["/devices/emulator"] = Any,
        ["/securityLabels/*/type"] = Only("none", "processes are not labelled"),
        ["/securityLabels/*/model"] = Any,

        ["/accelerator"] = Any,
        ["/name"] = Any,
        ["/uuid"] = Any,
        ["/memory"] = Any,
        ["/currentMemory"] = Any,
        ["/vcpu/maximum"] = Any,
        ["/vcpu/current"] = Any,
        ["/vcpu/placement"] = Only("static", "nobody advises on placement"),
        ["/boot/type"] = Only("hvm", "machines are virtualised fully"),
        ["/boot/architecture"] = Only("x86_64", "guests are x86-64"),
        ["/boot/machine"] = text => Q35().IsMatch(text) ? null : Board,
        ["/boot/kernel"] = Any,
        ["/boot/initrd"] = Any,
        ["/boot/commandLine"] = Any,
        ["/boot/devices/*/device"] = text => text == "hd" ? null : Direct,
        ["/features/acpi"] = Any,
        ["/features/vmPort"] = Off,
        ["/features/systemManagementMode"] = Off,
        ["/features/performanceCounters"] = Off,
        ["/features/vmCoreInfo"] = Off,
        ["/cpu/mode"] = Any,
        ["/cpu/match"] = Only("exact", "a processor is shown as it is named"),
        ["/cpu/check"] = Any,
        ["/cpu/model"] = Any,
        ["/cpu/fallback"] = Any,
        ["/cpu/vendorId"] = Any,
        ["/cpu/features/*/policy"] = text => text is "require" or "disable" ? null : "a feature is asked for (require) or hidden (disable)",
        ["/cpu/features/*/name"] = Any,
        ["/cpu/topology/sockets"] = Only("1", "vCPUs are the cores of one socket"),
        ["/cpu/topology/dies"] = Only("1", "vCPUs are the cores of one socket"),
        ["/cpu/topology/clusters"] = Only("1", "vCPUs are the cores of one socket"),
        ["/cpu/topology/cores"] = Any,
        ["/cpu/topology/threads"] = Only("1", "vCPUs are the cores of one socket"),
        ["/clock/offset"] = Only("utc", "the guest's clock is UTC"),
        ["/clock/timers/*/name"] = text => text is "hpet" or "kvmclock" or "pit" or "rtc" ? null : "there is no such timer to set",
        ["/clock/timers/*/present"] = Any,
        ["/clock/timers/*/tickPolicy"] = Any,
        ["/onPowerOff"] = Only("destroy", "a machine whose guest powered off has ended"),
        ["/onReboot"] = text => text is "restart" or "destroy" ? null : "a reset starts the guest again or ends the machine",
        ["/onCrash"] = text => text is "destroy" ? null : "a machine whose guest crashed ends",
        ["/suspendToMemory"] = Off,
        ["/suspendToDisk"] = Off,

        ["/devices/disks/*/type"] = text => text is "file" or "block" ? null : "disks are files or block devices",
        ["/devices/disks/*/device"] = Only("disk", "there are hard disks alone"),
        ["/devices/disks/*/bus"] = Only("virtio", "disks are virtio-blk"),
        ["/devices/disks/*/model"] = text => text is "virtio" or "virtio-non-transitional" ? null : "virtio devices are modern",
        ["/devices/disks/*/snapshot"] = Any,
        ["/devices/disks/*/targetName"] = Any,
        ["/devices/disks/*/readOnly"] = Any,
        ["/devices/disks/*/serial"] = text => text.Length <= DiskOption.LongestSerial ? null : $"a serial number has up to {DiskOption.LongestSerial} characters",
        ["/devices/disks/*/source/file"] = Any,
        ["/devices/disks/*/source/device"] = Any,
        ["/devices/disks/*/driver/name"] = Only("qemu", "disks are served by the monitor"),
        ["/devices/disks/*/driver/type"] = Only("raw", "images are raw"),
        ["/devices/disks/*/driver/cache"] = Any,
        ["/devices/disks/*/driver/io"] = Only("io_uring", "requests go through io_uring"),
        ["/devices/disks/*/driver/discard"] = Any,
        ["/devices/disks/*/driver/errorPolicy"] = text => text is "stop" or "report" or "enospace" ? null : "an error is not ignored",
        ["/devices/disks/*/driver/readErrorPolicy"] = Any,
        ["/devices/disks/*/driver/queues"] = Any,
        ["/devices/disks/*/driver/packed"] = Any,

        ["/devices/controllers/*/type"] = Any,
        ["/devices/controllers/*/index"] = Any,
        ["/devices/controllers/*/model"] = Any,

        ["/devices/interfaces/*/type"] = text => text is "user" or "ethernet" ? null : "networks are user-mode (type user) or a tap (type ethernet)",
        ["/devices/interfaces/*/macAddress"] = Any,
        ["/devices/interfaces/*/target"] = Any,
        ["/devices/interfaces/*/targetManaged"] = Only("no", "taps are made beforehand"),
        ["/devices/interfaces/*/model"] = text => text is "virtio" or "virtio-non-transitional" ? null : "network interfaces are virtio-net",
        ["/devices/interfaces/*/backendType"] = Only("passt", "user-mode networking is passt"),
        ["/devices/interfaces/*/link"] = Only("up", "the link is up"),
        ["/devices/interfaces/*/driver/name"] = Only("qemu", "packets go through the monitor"),
        ["/devices/interfaces/*/driver/queues"] = Any,
        ["/devices/interfaces/*/driver/packed"] = Any,
        ["/devices/interfaces/*/portForwards/*/protocol"] = Any,
        ["/devices/interfaces/*/portForwards/*/address"] = Any,
        ["/devices/interfaces/*/portForwards/*/ranges/*/start"] = Any,
        ["/devices/interfaces/*/portForwards/*/ranges/*/to"] = Any,

        ["/devices/serials/*/type"] = text => text is "stdio" or "file" or "unix" or "null" ? null : "serial ports go to stdio, file, unix or null",
        ["/devices/serials/*/targetType"] = Only("isa-serial", "serial ports are of ISA"),
        ["/devices/serials/*/targetModel"] = Only("isa-serial", "serial ports are of ISA"),
        ["/devices/serials/*/port"] = Only("0", "there is one serial port"),
        ["/devices/serials/*/sources/*/path"] = Any,
        ["/devices/serials/*/sources/*/mode"] = Only("bind", "the monitor listens"),
        ["/devices/serials/*/sources/*/append"] = Only("off", "a file is made anew"),
        ["/devices/consoles/*/type"] = Any,
        ["/devices/consoles/*/tty"] = Any,
        ["/devices/consoles/*/targetType"] = Only("serial", "the console is the first serial port"),
        ["/devices/consoles/*/port"] = Only("0", "the console is the first serial port"),
        ["/devices/consoles/*/sources/*/path"] = Any,
        ["/devices/consoles/*/sources/*/mode"] = Any,
        ["/devices/consoles/*/sources/*/append"] = Any,
        ["/devices/balloon/model"] = Only("none", "there is no memory balloon"),
        ["/devices/videos/*/model"] = Only("none", "there is no display"),
        ["/devices/audios/*/id"] = Any,
        ["/devices/audios/*/type"] = Only("none", "there is no sound"),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Why a value is refused.</summary>
    /// <param name="pointer">Its JSON pointer.</param>
    /// <param name="text">As domain XML has it.</param>
    /// <returns>Null where it is had or changes nothing.</returns>
    internal static string? Refuse(string pointer, string text)
    {
        string pattern = Place().Replace(pointer, "/*");
        if (s_parts.TryGetValue(pattern, out Func<string, string?>? judge))
        {
            return judge(text);
        }

        return Alias().IsMatch(pattern) ? null : "machines of this version have no such thing";
    }

    private static string? Any(string text) => null;

    private static string? Off(string text) => text is "off" or "no" ? null : "machines of this version do not have it";

    private static Func<string, string?> Only(string word, string reason) => text => text == word ? null : reason;

    [GeneratedRegex(@"/\d+", RegexOptions.CultureInvariant)]
    private static partial Regex Place();

    [GeneratedRegex(@"^/devices/[a-zA-Z]+(/\*)?/alias$", RegexOptions.CultureInvariant)]
    private static partial Regex Alias();

    [GeneratedRegex(@"^(pc-)?q35(-\d+\.\d+)?$", RegexOptions.CultureInvariant)]
    private static partial Regex Q35();
}
