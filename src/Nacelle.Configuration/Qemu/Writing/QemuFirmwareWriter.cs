using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes firmware, what it boots and what it tells the guest. Stateless.</summary>
internal static class QemuFirmwareWriter
{
    /// <summary>Writes them.</summary>
    internal static void Write(QemuWriting writing)
    {
        XmlTreeElement root = writing.Root;
        string? loader = Take(root, "os/loader");
        if (loader is not null && Take(root, "os/loader/@type") != "pflash")
        {
            Take(root, "os/loader/@readonly");
            writing.Add("-bios", loader);
        }
        else if (loader is not null)
        {
            if (Take(root, "os/loader/@secure") == "yes")
            {
                writing.Add("-global", "driver=cfi.pflash01", "property=secure", "value=on");
            }

            string readOnly = Take(root, "os/loader/@readonly") == "yes" ? "on" : "off";
            writing.Add("-drive", "if=pflash", "unit=0", Setting("format", Take(root, "os/loader/@format") ?? "raw"), $"readonly={readOnly}", Setting("file", loader));
        }

        if (Take(root, "os/nvram") is string store)
        {
            writing.Add("-drive", "if=pflash", "unit=1", Setting("format", Take(root, "os/nvram/@format") ?? "raw"), Setting("file", store));
            Take(root, "os/nvram/@template");
        }

        foreach ((string path, string option) in ((string, string)[])[("os/kernel", "-kernel"), ("os/initrd", "-initrd"), ("os/cmdline", "-append"), ("os/dtb", "-dtb")])
        {
            if (Take(root, path) is string value)
            {
                writing.Add(option);
                writing.Arguments.Add(value);
            }
        }

        List<string> boot = [];
        string letters = "";
        while (Take(root, "os/boot/@dev") is string device)
        {
            letters += Array.Find(QemuBootOptions.Letters, pair => pair.Word == device).Letter;
        }

        if (letters.Length != 0)
        {
            boot.Add(Setting("order", letters));
        }

        Move(root, "os/bootmenu/@enable", boot, "menu", QemuValueKind.YesNo);
        Move(root, "os/bootmenu/@timeout", boot, "splash-time");
        Move(root, "os/bios/@rebootTimeout", boot, "reboot-timeout");
        if (boot.Count != 0)
        {
            writing.Add("-boot", [.. boot]);
        }

        Smbios(writing);
    }

    private static void Smbios(QemuWriting writing)
    {
        // A guest is shown what <sysinfo> says where <smbios mode='sysinfo'/> says so, and nothing otherwise.
        if (Peek(writing.Root, "os/smbios/@mode") != "sysinfo")
        {
            writing.Root.Children.RemoveAll(child => child.Name == "sysinfo" && Peek(child, "@type") == "smbios");
        }

        foreach (XmlTreeElement information in writing.Root.Children.Where(child => child.Name == "sysinfo").ToArray())
        {
            bool isSmbios = Take(information, "@type") == "smbios";
            foreach (XmlTreeElement list in information.Children.ToArray())
            {
                if (isSmbios && Array.Find(QemuBootOptions.SmbiosFields, entry => entry.List == list.Name) is { Type: string type, Fields: { } fields })
                {
                    List<string> settings = [$"type={type}"];
                    foreach (XmlTreeElement entry in list.Children.ToArray())
                    {
                        string? name = Array.Find(fields, field => field.Xml == (Peek(entry, "@name") ?? "")).Qemu;
                        if (name is not null)
                        {
                            settings.Add(Setting(name, entry.Text));
                            list.Children.Remove(entry);
                        }
                    }

                    writing.Add("-smbios", [.. settings]);
                }
                else if (!isSmbios && Take(list, "@name") is string name)
                {
                    List<string> settings = [Setting("name", name)];
                    Move(list, "@file", settings, "file");
                    Move(list, "", settings, "string");
                    writing.Add("-fw_cfg", [.. settings]);
                }

                if (list.IsEmpty)
                {
                    information.Children.Remove(list);
                }
            }

            if (information.IsEmpty)
            {
                writing.Root.Children.Remove(information);
            }
        }

        TakeIf(writing.Root, "os/smbios/@mode", "sysinfo", "emulate");
    }
}
