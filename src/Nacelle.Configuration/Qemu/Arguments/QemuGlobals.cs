namespace Nacelle.Configuration;

/// <summary>Properties that -global gives to devices of the board. Stateless.</summary>
internal static class QemuGlobals
{
    // Property, value, path and its value.
    private static readonly (string Name, string Value, string Path, string Xml)[] s_values =
    [
        ("ICH9-LPC.disable_s3", "1", "pm/suspend-to-mem/@enabled", "no"), ("ICH9-LPC.disable_s3", "0", "pm/suspend-to-mem/@enabled", "yes"),
        ("ICH9-LPC.disable_s4", "1", "pm/suspend-to-disk/@enabled", "no"), ("ICH9-LPC.disable_s4", "0", "pm/suspend-to-disk/@enabled", "yes"),
        ("PIIX4_PM.disable_s3", "1", "pm/suspend-to-mem/@enabled", "no"), ("PIIX4_PM.disable_s3", "0", "pm/suspend-to-mem/@enabled", "yes"),
        ("PIIX4_PM.disable_s4", "1", "pm/suspend-to-disk/@enabled", "no"), ("PIIX4_PM.disable_s4", "0", "pm/suspend-to-disk/@enabled", "yes"),
    ];

    // Property, value, timer, attribute and its value.
    private static readonly (string Name, string Value, string Timer, string Attribute, string Xml)[] s_timers =
    [
        ("kvm-pit.lost_tick_policy", "delay", "pit", "tickpolicy", "delay"), ("kvm-pit.lost_tick_policy", "discard", "pit", "tickpolicy", "discard"),
        ("mc146818rtc.lost_tick_policy", "slew", "rtc", "tickpolicy", "catchup"), ("mc146818rtc.lost_tick_policy", "discard", "rtc", "tickpolicy", "discard"),
    ];

    /// <summary>The property that says a value of the configuration.</summary>
    internal static (string Name, string Value)? Find(string path, string xml, bool isQ35)
    {
        string board = isQ35 ? "ICH9-LPC" : "PIIX4_PM";
        (string Name, string Value, string Path, string Xml) found =
            Array.Find(s_values, item => item.Path == path && item.Xml == xml && item.Name.StartsWith(board, StringComparison.Ordinal));
        return found.Name is null ? null : (found.Name, found.Value);
    }

    /// <summary>Puts a property into the machine.</summary>
    /// <returns>False where nothing is known of it.</returns>
    internal static bool Apply(QemuReading reading, QemuSettings settings, string name, QemuSetting setting)
    {
        QemuMachineTree tree = reading.Tree;
        string value = setting.Value switch { "on" or "true" => "1", "off" or "false" => "0", string other => other };
        if (Array.Find(s_values, item => item.Name == name && item.Value == value) is { Path: string path, Xml: string xml })
        {
            tree.Put(tree.Root, path, xml, settings, setting);
            return true;
        }

        if (Array.Find(s_timers, item => item.Name == name && item.Value == setting.Value) is { Timer: string timer } found)
        {
            QemuBoardOptions.Timer(reading, settings, setting, timer, found.Attribute, found.Xml);
            return true;
        }

        if (name == "mch.extended-tseg-mbytes" && QemuNumbers.TryWhole(setting.Value, out ulong mebibytes) && mebibytes is > 0 and < 4096)
        {
            tree.PutSize(tree.Root, "features/smm/tseg", mebibytes << 20, settings, setting);
            return true;
        }

        return name == "cfi.pflash01.secure" && QemuBootOptions.Secure(reading, settings, setting);
    }
}
