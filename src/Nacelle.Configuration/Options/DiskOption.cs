using System.Globalization;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>The value of <c>--disk</c>: FILE[,option=value…].</summary>
public static class DiskOption
{
    /// <summary>Longest serial number in characters (virtio 1.2, section 5.2.6: VIRTIO_BLK_T_GET_ID).</summary>
    public const int LongestSerial = 20;

    /// <summary>Most request queues of a disk.</summary>
    public const int MostQueues = 64;

    private static readonly string[] s_names = ["cache", "discard", "format", "on-error", "packed", "queues", "readonly", "serial"];
    private static readonly string[] s_cacheModes = ["writeback", "none", "writethrough", "directsync", "unsafe"];
    private static readonly string[] s_formats = ["raw"];
    private static readonly string[] s_errorPolicies = ["report", "stop", "stop-when-full"];

    /// <summary>Names of the options after the file.</summary>
    public static IReadOnlyList<string> Names => s_names;

    /// <summary>Words of option <c>cache</c>.</summary>
    public static IReadOnlyList<string> CacheModes => s_cacheModes;

    /// <summary>Words of option <c>on-error</c>.</summary>
    public static IReadOnlyList<string> ErrorPolicies => s_errorPolicies;

    /// <summary>Reads a disk.</summary>
    /// <exception cref="ConfigurationException">An option or value is not valid.</exception>
    public static DiskDescription Parse(string text)
    {
        OptionValue value = OptionValue.Split("disk", text, s_names);
        if (value.Head.Length == 0)
        {
            throw new ConfigurationException($"disk '{text}' names no file: write FILE[,option=value…]");
        }

        DiskDescription disk = new() { Path = value.Head };
        foreach (KeyValuePair<string, string> setting in value.Settings)
        {
            disk = setting.Key switch
            {
                "cache" => disk with { Cache = (DiskCacheMode)value.Choice(setting, s_cacheModes) },
                "discard" => disk with { Discard = value.Switch(setting) },
                "format" => disk with { SaidToBeRaw = IsRaw(value, setting) },
                "on-error" => disk with { OnError = (DiskErrorPolicy)value.Choice(setting, s_errorPolicies) },
                "packed" => disk with { Packed = value.Switch(setting) },
                "queues" => disk with { Queues = value.Number(setting, 1, MostQueues) },
                "readonly" => disk with { ReadOnly = value.Switch(setting) },
                _ => disk with { Serial = SerialNumber(setting.Value) },
            };
        }

        return disk;
    }

    /// <summary>Writes a disk; <see cref="Parse"/> reads it back.</summary>
    public static string Format(DiskDescription disk)
    {
        ArgumentNullException.ThrowIfNull(disk);
        DiskDescription plain = new() { Path = disk.Path };
        List<KeyValuePair<string, string>> settings = [];
        void Add(bool differs, string name, string value)
        {
            if (differs)
            {
                settings.Add(new(name, value));
            }
        }

        Add(disk.Cache != plain.Cache, "cache", s_cacheModes[(int)disk.Cache]);
        Add(disk.Discard != plain.Discard, "discard", disk.Discard ? "on" : "off");
        Add(disk.SaidToBeRaw, "format", s_formats[0]);
        Add(disk.OnError != plain.OnError, "on-error", s_errorPolicies[(int)disk.OnError]);
        Add(disk.Packed != plain.Packed, "packed", disk.Packed ? "on" : "off");
        Add(disk.Queues != plain.Queues, "queues", disk.Queues.ToString(CultureInfo.InvariantCulture));
        Add(disk.ReadOnly != plain.ReadOnly, "readonly", disk.ReadOnly ? "on" : "off");
        Add(disk.Serial is not null, "serial", disk.Serial ?? "");
        return OptionValue.Join(disk.Path, settings);
    }

    /// <summary>The one format there is; of others the way out is told.</summary>
    private static bool IsRaw(OptionValue value, KeyValuePair<string, string> setting) =>
        setting.Value is "qcow2" or "qcow" or "vmdk" or "vdi" or "vhdx" or "vpc" or "qed" or "parallels"
            ? throw new ConfigurationException(
                $"disk option format={setting.Value} is not supported yet: convert the image with 'qemu-img convert -O raw OLD NEW'")
            : value.Choice(setting, s_formats) == 0;

    private static string SerialNumber(string text)
    {
        bool printable = text.All(character => character is >= ' ' and <= '~');
        return text.Length is > 0 and <= LongestSerial && printable
            ? text
            : throw new ConfigurationException(
                $"disk option serial={text} is not valid: give 1 to {LongestSerial} printable ASCII characters");
    }
}
