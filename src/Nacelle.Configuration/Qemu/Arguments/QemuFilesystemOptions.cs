namespace Nacelle.Configuration;

/// <summary>-virtfs, and what -fsdev says of a file system. Stateless.</summary>
internal static class QemuFilesystemOptions
{
    /// <summary>-virtfs: both in one.</summary>
    internal static void Virtfs(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        XmlTreeElement element = tree.AddDevice("filesystem", settings);
        tree.Put(element, "@type", "mount", settings);
        tree.Move(settings, "mount_tag", element, "target/@dir");
        settings.Take("id");
        Source(reading, settings, element);
    }

    /// <summary>Takes what a device refers to.</summary>
    internal static void Device(QemuReading reading, QemuSettings settings, QemuDevice device, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        if (device.Driver.StartsWith("vhost-user-fs", StringComparison.Ordinal))
        {
            if (reading.UseNamed("chardev", settings, "chardev", "-chardev") is QemuSettings character)
            {
                tree.Put(element, "source/@socket", character.Find("path")?.Value ?? "", character, character.Find("path"));
                QemuCharacterOptions.TakeSocket(character);
            }
        }
        else if (reading.UseNamed("fsdev", settings, "fsdev", "-fsdev") is QemuSettings source)
        {
            Source(reading, source, element);
        }
    }

    private static void Source(QemuReading reading, QemuSettings settings, XmlTreeElement element)
    {
        QemuMachineTree tree = reading.Tree;
        if (settings.Find("fsdriver")?.Value != "local")
        {
            return;
        }

        settings.Take("fsdriver");
        tree.Put(element, "driver/@type", "path", settings);
        tree.Move(settings, "path", element, "source/@dir");
        string? mode = settings.Find("security_model")?.Value switch
        {
            "passthrough" => "passthrough",
            "mapped" or "mapped-xattr" => "mapped",
            "none" => "squash",
            _ => null,
        };
        if (mode is not null)
        {
            tree.Put(element, "@accessmode", mode, settings, settings.Take("security_model"));
        }

        if (settings.Find("writeout")?.Value == "immediate")
        {
            tree.Put(element, "driver/@wrpolicy", "immediate", settings, settings.Take("writeout"));
        }

        tree.Move(settings, "readonly", element, "readonly", QemuValueKind.Flag);
        tree.Move(settings, "fmode", element, "@fmode");
        tree.Move(settings, "dmode", element, "@dmode");
        tree.Move(settings, "multidevs", element, "@multidevs");
    }
}
