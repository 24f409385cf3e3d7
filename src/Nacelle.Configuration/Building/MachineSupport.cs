using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace Nacelle.Configuration;

/// <summary>
/// What of a configuration machines of this version have. Whatever a configuration gives and this table does not know is refused, so
/// that nothing is accepted and dropped. Immutable.
/// </summary>
internal static partial class MachineSupport
{
    private const string Board = "use q35, the only board so far";
    private const string Direct = "machines cannot boot from disks yet: remove it, and give <kernel>";
    private const string Devices = "/devices/";
    private const string NotYet = "not supported yet";

    /// <summary>By pointer with * for a place in a list: why a text is refused; null where it is had or changes nothing.</summary>
    private static readonly FrozenDictionary<string, Func<string, string?>> s_parts = new Dictionary<string, Func<string, string?>>
    {
        // For people and other programs: nothing of it reaches the guest.
        ["/id"] = Any,
        ["/title"] = Any,
        ["/description"] = Any,
        ["/metadata"] = Any,
        ["/devices/emulator"] = Any,
        ["/resourcePartition"] = Any,
        ["/securityLabels/*/type"] = Only("none", "processes cannot be labelled"),
        ["/securityLabels/*/model"] = Any,

        ["/accelerator"] = Any,
        ["/name"] = Any,
        ["/uuid"] = Any,
        ["/memory"] = Any,
        ["/currentMemory"] = Any,
        ["/vcpu/maximum"] = Any,
        ["/vcpu/current"] = Any,
        ["/vcpu/placement"] = Only("static", "automatic placement is not supported yet"),
        ["/boot/type"] = Only("hvm", "paravirtualised guests are not supported"),
        ["/boot/architecture"] = Only("x86_64", "only x86-64 guests are supported"),
        ["/boot/machine"] = text => Q35().IsMatch(text) ? null : Board,
        ["/boot/kernel"] = Any,
        ["/boot/initrd"] = Any,
        ["/boot/commandLine"] = Any,
        ["/boot/devices/*/device"] = text => text == "hd" ? null : Direct,
        ["/features/acpi"] = Any,
        ["/features/pae"] = Any,
        ["/features/vmPort"] = Off,
        ["/features/systemManagementMode"] = Off,
        ["/features/performanceCounters"] = Off,
        ["/features/vmCoreInfo"] = Off,
        ["/cpu/mode"] = Any,
        ["/cpu/migratable"] = Any,
        ["/cpu/match"] = Only("exact", "only exact matches are supported yet"),
        ["/cpu/check"] = Any,
        ["/cpu/model"] = Any,
        ["/cpu/fallback"] = Any,
        ["/cpu/vendorId"] = Any,
        ["/cpu/features/*/policy"] = text => text is "require" or "disable" ? null : "use require or disable",
        ["/cpu/features/*/name"] = Any,
        ["/cpu/topology/sockets"] = Only("1", "only one socket without threads is supported yet"),
        ["/cpu/topology/dies"] = Only("1", "only one socket without threads is supported yet"),
        ["/cpu/topology/clusters"] = Only("1", "only one socket without threads is supported yet"),
        ["/cpu/topology/cores"] = Any,
        ["/cpu/topology/threads"] = Only("1", "only one socket without threads is supported yet"),
        ["/clock/offset"] = Only("utc", "only UTC clocks are supported yet"),
        ["/clock/timers/*/name"] = text => text is "hpet" or "kvmclock" or "pit" or "rtc" ? null : "this timer cannot be set yet: remove it",
        ["/clock/timers/*/present"] = Any,
        ["/clock/timers/*/tickPolicy"] = Any,
        ["/onPowerOff"] = Only("destroy", "power-off always ends the machine"),
        ["/onReboot"] = text => text is "restart" or "destroy" ? null : "use restart or destroy",
        ["/onCrash"] = Only("destroy", "a crash always ends the machine"),
        ["/suspendToMemory"] = Off,
        ["/suspendToDisk"] = Off,

        ["/devices/disks/*/type"] = text => text is "file" or "block" ? null : "use file or block: other disks are not supported yet",
        ["/devices/disks/*/device"] = Only("disk", "CD-ROMs and floppies are not supported yet"),
        ["/devices/disks/*/bus"] = Only("virtio", "only virtio disks are supported yet"),
        ["/devices/disks/*/model"] = Modern,
        ["/devices/disks/*/snapshot"] = Any,
        ["/devices/disks/*/targetName"] = Any,
        ["/devices/disks/*/readOnly"] = Any,
        ["/devices/disks/*/serial"] = text => text.Length <= DiskOption.LongestSerial ? null : $"use up to {DiskOption.LongestSerial} characters",
        ["/devices/disks/*/source/file"] = Any,
        ["/devices/disks/*/source/index"] = Any,
        ["/devices/disks/*/bootOrder"] = Any,
        ["/devices/disks/*/source/device"] = Any,
        ["/devices/disks/*/driver/name"] = Only("qemu", "no other driver is supported yet"),
        ["/devices/disks/*/driver/type"] = Only("raw", "only raw images are supported yet ('qemu-img convert -O raw' makes one)"),
        ["/devices/disks/*/driver/cache"] = Any,
        ["/devices/disks/*/driver/io"] = Any,
        ["/devices/disks/*/driver/discard"] = Any,
        ["/devices/disks/*/driver/errorPolicy"] = text => text is "stop" or "report" or "enospace" ? null : "errors cannot be ignored: use stop, report or enospace",
        ["/devices/disks/*/driver/readErrorPolicy"] = Any,
        ["/devices/disks/*/driver/queues"] = Any,
        ["/devices/disks/*/driver/packed"] = Any,

        ["/devices/controllers/*/type"] = Any,
        ["/devices/controllers/*/index"] = Any,
        ["/devices/controllers/*/model"] = Any,
        ["/devices/controllers/*/modelName"] = Any,
        ["/devices/controllers/*/ports"] = Any,
        ["/devices/controllers/*/chassis"] = Any,
        ["/devices/controllers/*/port"] = Any,

        ["/devices/interfaces/*/type"] = text => text is "user" or "ethernet" ? null : "libvirt's networks and bridges are not supported yet: use type='user', or type='ethernet' for a tap",
        ["/devices/interfaces/*/macAddress"] = Any,
        ["/devices/interfaces/*/bootOrder"] = Any,
        ["/devices/interfaces/*/target"] = Any,
        ["/devices/interfaces/*/targetManaged"] = Only("no", "taps are not made yet: make it beforehand"),
        ["/devices/interfaces/*/model"] = Modern,
        ["/devices/interfaces/*/backendType"] = Only("passt", "passt is the only back end for user-mode networking"),
        ["/devices/interfaces/*/link"] = Only("up", "the link cannot be taken down yet"),
        ["/devices/interfaces/*/driver/name"] = Only("qemu", "vhost is not supported yet"),
        ["/devices/interfaces/*/driver/queues"] = Any,
        ["/devices/interfaces/*/driver/packed"] = Any,
        ["/devices/interfaces/*/portForwards/*/protocol"] = Any,
        ["/devices/interfaces/*/portForwards/*/address"] = Any,
        ["/devices/interfaces/*/portForwards/*/ranges/*/start"] = Any,
        ["/devices/interfaces/*/portForwards/*/ranges/*/to"] = Any,

        ["/devices/serials/*/type"] = text => text is "pty" or "stdio" or "file" or "unix" or "null" ? null : "use pty, stdio, file, unix or null",
        ["/devices/serials/*/targetType"] = Only("isa-serial", "only ISA serial ports are supported yet"),
        ["/devices/serials/*/targetModel"] = Only("isa-serial", "only ISA serial ports are supported yet"),
        ["/devices/serials/*/port"] = Only("0", "only one serial port is supported yet"),
        ["/devices/serials/*/sources/*/path"] = Any,
        ["/devices/serials/*/sources/*/mode"] = Only("bind", "connecting to a socket is not supported yet"),
        ["/devices/serials/*/sources/*/append"] = Only("off", "appending is not supported yet"),
        ["/devices/consoles/*/type"] = Any,
        ["/devices/consoles/*/tty"] = Any,
        ["/devices/consoles/*/targetType"] = Only("serial", "virtio consoles are not supported yet"),
        ["/devices/consoles/*/port"] = Only("0", "only one serial port is supported yet"),
        ["/devices/consoles/*/sources/*/path"] = Any,
        ["/devices/consoles/*/sources/*/mode"] = Any,
        ["/devices/consoles/*/sources/*/append"] = Any,
        ["/devices/balloon/model"] = text => text == "none" ? null : Modern(text),
        ["/devices/balloon/autoDeflate"] = Off,
        ["/devices/balloon/freePageReporting"] = Off,
        ["/devices/balloon/statisticsPeriod"] = Any,
        ["/devices/randoms/*/model"] = Modern,
        ["/devices/randoms/*/backend"] = text => text is "random" or "builtin" ? null : "use random or builtin",
        ["/devices/randoms/*/backendPath"] = text => text is "/dev/urandom" or "/dev/random" ? null : "other sources are not supported yet: use '/dev/urandom'",
        ["/devices/inputs/*/type"] = text => text is "mouse" or "keyboard" ? null : "not supported yet: remove <input>",
        ["/devices/inputs/*/bus"] = text => text == "ps2" ? null : "not supported yet: remove <input>",
        ["/devices/watchdogs/*/model"] = text => text == "itco" ? null : "not supported yet: remove <watchdog>",
        ["/devices/watchdogs/*/action"] = Any,
        ["/devices/videos/*/model"] = text => text == "none" ? null : "displays are not supported yet: remove <video>",
        ["/devices/audios/*/id"] = Any,
        ["/devices/audios/*/type"] = text => text == "none" ? null : "sound is not supported yet: remove <audio>",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Collections and elements below /devices that have a line in the table.</summary>
    private static readonly FrozenSet<string> s_devices = s_parts.Keys
        .Where(pattern => pattern.StartsWith(Devices, StringComparison.Ordinal))
        .Select(pattern => pattern[Devices.Length..].Split('/')[0])
        .ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Why a value is refused, and what to change.</summary>
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

        return Alias().IsMatch(pattern) || IsPciAddress(pointer) ? null : $"{NotYet}: remove it";
    }

    /// <summary>Whether a value is part of a device's place on the PCI bus, which is accepted and not kept.</summary>
    internal static bool IsPciAddress(string pointer) => Address().IsMatch(pointer);

    /// <summary>The device that a value belongs to, where machines have none of its kind.</summary>
    /// <param name="pointer">The value's JSON pointer.</param>
    /// <returns>The device's pointer; null where some of its kind are had.</returns>
    internal static string? UnknownDevice(string pointer)
    {
        Match match = Device().Match(pointer);
        return match.Success && !s_devices.Contains(match.Groups["kind"].Value) ? match.Value : null;
    }

    private static string? Any(string text) => null;

    private static string? Off(string text) => text is "off" or "no" ? null : $"{NotYet}: remove it";

    private static string? Modern(string text) => text is "virtio" or "virtio-non-transitional" ? null : "only modern virtio devices are supported yet: use 'virtio'";

    private static Func<string, string?> Only(string word, string reason) => text => text == word ? null : $"{reason}: use '{word}'";

    [GeneratedRegex(@"/\d+", RegexOptions.CultureInvariant)]
    private static partial Regex Place();

    [GeneratedRegex(@"^/devices/[a-zA-Z]+(/\*)?/alias$", RegexOptions.CultureInvariant)]
    private static partial Regex Alias();

    [GeneratedRegex(@"^/devices/[a-zA-Z]+(/\d+)?/address/(type|domain|bus|slot|function|multifunction)$", RegexOptions.CultureInvariant)]
    private static partial Regex Address();

    [GeneratedRegex(@"^/devices/(?<kind>[a-zA-Z]+)(/\d+)?", RegexOptions.CultureInvariant)]
    private static partial Regex Device();

    [GeneratedRegex(@"^(pc-)?q35(-\d+\.\d+)?$", RegexOptions.CultureInvariant)]
    private static partial Regex Q35();
}
