namespace Nacelle.Configuration;

/// <summary>Devices of QEMU that are a value of the configuration and not a device in it. Stateless.</summary>
internal static class QemuSmallDevices
{
    /// <summary>Puts one into the machine.</summary>
    /// <returns>False where it is another device.</returns>
    internal static bool Apply(QemuReading reading, QemuSettings settings, string driver)
    {
        QemuMachineTree tree = reading.Tree;
        switch (driver)
        {
            case "isa-debug-exit":
                ulong port = tree.TakeNumber(settings, "iobase", 0xFFFF) ?? 0x501;
                ulong length = Math.Max(1, tree.TakeNumber(settings, "iosize", 4) ?? 2);
                reading.Nacelle = (reading.Nacelle ?? new()) with { DebugExitPort = (int)port, DebugExitLength = (int)length };
                return true;
            case "pc-testdev":
                reading.Nacelle = (reading.Nacelle ?? new()) with { TestDevice = true };
                return true;
            case "vmcoreinfo":
                tree.Put(tree.Root, "features/vmcoreinfo/@state", "on", settings);
                return true;
            case "vmgenid":
                QemuSetting? guid = settings.Take("guid");
                tree.Put(tree.Root, "genid", guid is null or { Value: "auto" } ? "" : guid.Value, settings, guid);
                return true;
            case "hda-duplex" or "hda-micro" or "hda-output":
                return Codec(reading, settings, driver["hda-".Length..]);
            case "ccid-card-emulated":
                XmlTreeElement card = tree.AddDevice("smartcard", settings);
                bool isHost = settings.Find("backend") is null or { Value: "nss-emulated" };
                settings.Take("backend");
                tree.Put(card, "@mode", isHost ? "host" : "host-certificates", settings);
                tree.Move(settings, "db", card, "database");
                for (int i = 1; settings.Take($"cert{i}") is QemuSetting certificate; i++)
                {
                    XmlTreeElement element = tree.Add(card, "certificate", certificate.Position, $"{certificate} of -device");
                    tree.Put(element, "", certificate.Value, settings, certificate);
                }

                settings.Take("bus");
                return true;
            default:
                return false;
        }
    }

    private static bool Codec(QemuReading reading, QemuSettings settings, string type)
    {
        if (reading.Tree.Devices.Children.FindLast(child => child.Name == "sound") is not XmlTreeElement sound)
        {
            return false;
        }

        XmlTreeElement codec = reading.Tree.Add(sound, "codec", settings.Position, settings.Label);
        reading.Tree.Put(codec, "@type", type, settings);
        settings.Take("bus");
        settings.Take("cad");
        QemuDisplayOptions.UseAudio(reading, settings, sound);
        return true;
    }
}
