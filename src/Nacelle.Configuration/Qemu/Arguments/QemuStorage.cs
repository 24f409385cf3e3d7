namespace Nacelle.Configuration;

/// <summary>Turns a drive or a graph of block nodes into the driver, source and backing chain of a disk. For one thread.</summary>
/// <param name="reading">What is read.</param>
internal sealed class QemuStorage(QemuReading reading)
{
    private static readonly string[] s_formats =
        ["raw", "qcow2", "qcow", "qed", "vdi", "vhdx", "vmdk", "vpc", "luks", "parallels", "bochs", "cloop", "dmg", "preallocate"];

    private readonly List<bool> _direct = [];
    private readonly QemuMachineTree _tree = reading.Tree;
    private int _nodes;
    private bool _lastDirect;
    private bool _noFlush;
    private bool _saidCache;

    /// <summary>-drive: the whole of it but where it sits.</summary>
    internal void Drive(QemuSettings drive, XmlTreeElement disk)
    {
        _tree.Put(disk, "driver/@name", "qemu", drive);
        _tree.Move(drive, "format", disk, "driver/@type");
        _tree.Move(drive, "driver", disk, "driver/@type");
        Common(drive, disk);
        _tree.Move(drive, "aio", disk, "driver/@io");
        _tree.Move(drive, "copy-on-read", disk, "driver/@copy_on_read", QemuValueKind.OnOff);
        _tree.Move(drive, "werror", disk, "driver/@error_policy");
        _tree.Move(drive, "rerror", disk, "driver/@rerror_policy");
        _tree.Move(drive, "readonly", disk, "readonly", QemuValueKind.Flag);
        _tree.Move(drive, "serial", disk, "serial");
        _tree.Move(drive, "l2-cache-size", disk, "driver/metadata_cache/max_size", QemuValueKind.Size);
        if (_tree.TakeSwitch(drive, "snapshot") == true)
        {
            _tree.Get(disk, "transient", drive.Position, drive.Label);
        }

        QemuThrottles.Move(_tree, drive, disk, QemuThrottles.DriveKeys);
        if (drive.Take("cache") is QemuSetting cache)
        {
            string word = cache.Value == "off" ? "none" : cache.Value;
            _tree.Put(disk, "driver/@cache", word, drive, cache);
        }
        else if (_saidCache)
        {
            bool writeBack = _tree.TakeSwitch(drive, "cache.writeback") ?? true;
            _tree.Put(disk, "driver/@cache", CacheWord(writeBack), drive);
        }

        if (drive.Take("file") is QemuSetting file)
        {
            if (file.Value.Length != 0)
            {
                QemuSourceText.Read(reading, this, drive, file, disk, 0);
            }
        }
        else if (drive.All.Any(setting => setting.Name.StartsWith("file.", StringComparison.Ordinal)))
        {
            Node(drive.Below("file."), disk, 1, isFile: true);
        }

        if (drive.All.Any(setting => setting.Name.StartsWith("backing.", StringComparison.Ordinal)))
        {
            Backing(drive.Below("backing."), disk, 1);
        }
    }

    /// <summary>-blockdev, for a device that refers to it.</summary>
    internal void Root(QemuSettings node, XmlTreeElement disk, bool writeBack)
    {
        _tree.Put(disk, "driver/@name", "qemu", node);
        Node(node, disk, 0);
        if (_direct.Count != 0 && _direct.TrueForAll(direct => direct))
        {
            _tree.Put(disk, "driver/@cache", _noFlush ? "unsafe" : writeBack ? "none" : "directsync", node);
        }
        else if (_noFlush || !writeBack || _saidCache)
        {
            _tree.Put(disk, "driver/@cache", _noFlush ? "unsafe" : writeBack ? "writeback" : "writethrough", node);
        }
    }

    /// <summary>One node of a graph, and what is below.</summary>
    /// <param name="node">Its settings.</param>
    /// <param name="disk">The disk or backing store that it serves.</param>
    /// <param name="depth">How many nodes are above.</param>
    /// <param name="isFile">Whether it is what a format's bytes are in.</param>
    internal void Node(QemuSettings node, XmlTreeElement disk, int depth, bool isFile = false)
    {
        // A node may have two below it, and names may make a circle: both length and number are bounded.
        if (depth > QemuReading.LongestChain || ++_nodes > 2 * QemuReading.LongestChain)
        {
            if (_nodes <= 2 * QemuReading.LongestChain)
            {
                reading.Shapes.Refuse(node.Position, $"{node.Label}: the chain of block nodes is longer than {QemuReading.LongestChain}, or refers to itself");
            }

            _nodes = 2 * QemuReading.LongestChain;
            return;
        }

        node.IsUsed = true;
        node.Take("node-name");
        QemuSetting? driver = node.Take("driver");
        Common(node, disk);
        _direct.Add(_lastDirect);
        switch (driver?.Value)
        {
            case "throttle":
                if (reading.UseNamed("object", node, "throttle-group", "-object throttle-group") is QemuSettings group)
                {
                    group.Take("qom-type");
                    _tree.Put(disk, "iotune/group_name", group.Find("id")?.Value ?? "", group);
                    QemuThrottles.Move(_tree, group, disk, QemuThrottles.GroupKeys);
                }

                Below(node, "file", disk, depth, isFile);
                break;
            case "copy-on-read":
                _tree.Put(disk, "driver/@copy_on_read", "on", node, driver);
                Below(node, "file", disk, depth, isFile);
                break;
            case string format when s_formats.Contains(format):
                Format(node, driver, disk, depth, isFile);
                break;
            case null when node.Find("file") is not null || node.Find("filename") is null:
                Below(node, "file", disk, depth, isFile);
                break;
            default:
                _tree.Move(node, "aio", disk, "driver/@io");
                QemuProtocols.Read(reading, node, driver, disk);
                break;
        }
    }

    /// <summary>What an image is laid over.</summary>
    private void Backing(QemuSettings node, XmlTreeElement disk, int depth)
    {
        XmlTreeElement backing = _tree.Add(disk, "backingStore", node.Position, node.Label);
        Node(node, backing, depth + 1);

        // An image's format is an element there, and its driver has nothing else.
        XmlTreeElement? driver = backing.Children.Find(child => child.Name == "driver");
        if (driver?.Attributes.Find(pair => pair.Name == "type") is XmlTreeAttribute type)
        {
            _tree.Put(backing, "format/@type", type.Value, type.Position, node.Label);
        }

        backing.Children.RemoveAll(child => child.Name is "driver" or "readonly" or "iotune");
    }

    private void Format(QemuSettings node, QemuSetting driver, XmlTreeElement disk, int depth, bool isFile)
    {
        // raw below a format is a window on a file, and says nothing more where it has no bounds.
        if (!isFile)
        {
            _tree.Put(disk, "driver/@type", driver.Value, node, driver);
        }
        else if (driver.Value != "raw")
        {
            reading.Unknown(node, driver, $"{driver} of {node.Option} below another format");
        }

        if (driver.Value == "raw" && node.Find("offset") is not null && node.Find("size") is not null)
        {
            _tree.Put(disk, "source/slices/slice/@type", "storage", node);
            _tree.Move(node, "offset", disk, "source/slices/slice/@offset", QemuValueKind.Bytes);
            _tree.Move(node, "size", disk, "source/slices/slice/@size", QemuValueKind.Bytes);
        }

        _tree.Move(node, "l2-cache-size", disk, "driver/metadata_cache/max_size", QemuValueKind.Size);
        Below(node, "file", disk, depth, isFile: true);
        if (node.Find("backing") is QemuSetting backing && backing.Value.Length == 0)
        {
            node.Take("backing");
            _tree.Get(disk, "backingStore", backing.Position, node.Label);
        }
        else if (node.Find("backing") is not null)
        {
            if (reading.UseNamed("node", node, "backing", "-blockdev") is QemuSettings below)
            {
                Backing(below, disk, depth);
            }
        }
        else if (node.All.Any(setting => !setting.IsTaken && setting.Name.StartsWith("backing.", StringComparison.Ordinal)))
        {
            Backing(node.Below("backing."), disk, depth);
        }
    }

    private void Below(QemuSettings node, string name, XmlTreeElement disk, int depth, bool isFile)
    {
        if (node.Find(name) is not null)
        {
            if (reading.UseNamed("node", node, name, "-blockdev") is QemuSettings below)
            {
                Node(below, disk, depth + 1, isFile);
            }
        }
        else if (node.All.Any(setting => !setting.IsTaken && setting.Name.StartsWith(name + ".", StringComparison.Ordinal)))
        {
            Node(node.Below(name + "."), disk, depth + 1, isFile);
        }
        else if (depth != 0 || node.All.Count != 0)
        {
            reading.Shapes.Refuse(node.Position, $"{node.Label} has no '{name}', which it needs: name the node or file below");
        }
    }

    /// <summary>What nodes of all kinds and drives have.</summary>
    private void Common(QemuSettings node, XmlTreeElement disk)
    {
        bool? direct = _tree.TakeSwitch(node, "cache.direct");
        _lastDirect = direct == true;
        bool? noFlush = _tree.TakeSwitch(node, "cache.no-flush");
        _noFlush |= noFlush == true;
        _saidCache |= direct is not null || noFlush is not null || node.Find("cache.writeback") is not null;
        if (node.Find("discard")?.Value is "on" or "off")
        {
            _tree.Put(disk, "driver/@discard", node.Find("discard")!.Value == "on" ? "unmap" : "ignore", node, node.Take("discard"));
        }
        else
        {
            _tree.Move(node, "discard", disk, "driver/@discard");
        }
        _tree.Move(node, "detect-zeroes", disk, "driver/@detect_zeroes");
        _tree.Move(node, "read-only", disk, "readonly", QemuValueKind.Flag);

        // Opened for writing where that is allowed: how, not what.
        node.Take("auto-read-only");
        node.TakeIf("locking", "auto");
        node.TakeIf("force-share", "off");
    }

    private string CacheWord(bool writeBack) => _noFlush ? "unsafe" : (_lastDirect, writeBack) switch
    {
        (true, true) => "none",
        (true, false) => "directsync",
        (false, true) => "writeback",
        (false, false) => "writethrough",
    };
}
