using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>-numa: the guest's nodes, their vCPUs, memory and distances. Stateless.</summary>
internal static class QemuNumaOption
{
    private const ulong MostNodes = 127;
    private const ulong MostVcpus = 65535;

    /// <summary>Puts it into the machine.</summary>
    internal static void Apply(QemuReading reading, QemuSettings settings)
    {
        switch (settings.Find("type")?.Value)
        {
            case "node":
                settings.Take("type");
                Node(reading, settings);
                break;
            case "cpu":
                settings.Take("type");
                reading.AtEnd.Add(() => Vcpus(reading, settings));
                break;
            case "dist":
                settings.Take("type");
                reading.AtEnd.Add(() => Distance(reading, settings));
                break;
            default:
                break;
        }
    }

    /// <summary>Host nodes that a back end's memory comes from.</summary>
    internal static (string Mode, string Nodes)? HostNodes(QemuReading reading, QemuSettings backEnd)
    {
        IReadOnlyList<QemuSetting> nodes =
            [.. backEnd.TakeAll("host-nodes"), .. backEnd.Below("host-nodes.").All];
        QemuSetting? policy = backEnd.Take("policy");
        string? mode = policy?.Value switch { "bind" => "strict", "preferred" => "preferred", "interleave" => "interleave", _ => null };
        if (policy is not null && mode is null && policy.Value != "default")
        {
            reading.Tree.Refuse(backEnd, policy, "default, bind, preferred or interleave");
        }

        return nodes.Count == 0 ? null : (mode ?? "strict", string.Join(',', nodes.Select(node => node.Value)));
    }

    private static XmlTreeElement Cells(QemuReading reading, QemuSettings settings) => reading.Tree.Get(
        reading.Tree.Get(reading.Tree.Root, "cpu", settings.Position, settings.Label), "numa", settings.Position, settings.Label);

    private static XmlTreeElement? Cell(QemuReading reading, QemuSettings settings, ulong number) => Cells(reading, settings).Children
        .Find(cell => cell.Attributes.Exists(pair => pair.Name == "id" && pair.Value == QemuNumbers.Format(number)));

    private static void Node(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        XmlTreeElement cells = Cells(reading, settings);
        QemuSetting? setting = settings.Find("nodeid");
        ulong number = tree.TakeNumber(settings, "nodeid", MostNodes) ?? (ulong)cells.Children.Count;
        XmlTreeElement cell = tree.Add(cells, "cell", settings.Position, settings.Label);
        tree.Put(cell, "@id", QemuNumbers.Format(number), settings, setting);
        IReadOnlyList<QemuSetting> vcpus = settings.TakeAll("cpus");
        if (vcpus.Count != 0)
        {
            tree.Put(cell, "@cpus", string.Join(',', vcpus.Select(item => item.Value)), settings, vcpus[0]);
        }

        ulong memory = tree.TakeSize(settings, "mem", 1UL << 20) ?? 0;
        if (settings.Take("memdev") is QemuSetting reference && reading.Use("object", settings, reference, "-object memory-backend-ram") is QemuSettings backEnd)
        {
            memory = tree.TakeSize(backEnd, "size") ?? 0;
            QemuMemoryOptions.Access(tree, backEnd, cell, "@memAccess");
            tree.Move(backEnd, "discard-data", cell, "@discard", QemuValueKind.YesNo);
            if (HostNodes(reading, backEnd) is (string mode, string nodes))
            {
                XmlTreeElement tuning = tree.Add(
                    tree.Get(tree.Root, "numatune", backEnd.Position, backEnd.Label), "memnode", backEnd.Position, backEnd.Label);
                tree.Put(tuning, "@cellid", QemuNumbers.Format(number), backEnd);
                tree.Put(tuning, "@mode", mode, backEnd);
                tree.Put(tuning, "@nodeset", nodes, backEnd);
            }

            QemuMemoryOptions.MainBackEnd(reading, backEnd);
        }

        tree.Put(cell, "@memory", QemuNumbers.Format(memory), settings);
        tree.Put(cell, "@unit", "b", settings);
    }

    private static void Distance(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        ulong? from = tree.TakeNumber(settings, "src", MostNodes);
        ulong? to = tree.TakeNumber(settings, "dst", MostNodes);
        ulong? value = tree.TakeNumber(settings, "val", 255);
        if (from is not ulong node || to is null || value is null || Cell(reading, settings, node) is not XmlTreeElement cell)
        {
            reading.Shapes.Refuse(settings.Position, $"{settings.Label}: give src, dst and val, with nodes that are there");
            return;
        }

        XmlTreeElement sibling = tree.Add(
            tree.Get(cell, "distances", settings.Position, settings.Label), "sibling", settings.Position, settings.Label);
        tree.Put(sibling, "@id", QemuNumbers.Format(to.Value), settings);
        tree.Put(sibling, "@value", QemuNumbers.Format(value.Value), settings);
    }

    /// <summary>The vCPUs of a socket, core or thread belong to a node.</summary>
    private static void Vcpus(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        ulong? node = tree.TakeNumber(settings, "node-id", MostNodes);
        ulong?[] wanted = [.. ((string[])["socket-id", "die-id", "core-id", "thread-id"]).Select(name => tree.TakeNumber(settings, name, MostVcpus))];
        if (node is not ulong number || Cell(reading, settings, number) is not XmlTreeElement cell)
        {
            reading.Shapes.Refuse(settings.Position, $"{settings.Label}: node-id names a node that is not there");
            return;
        }

        XmlTreeElement? topology = tree.Root.Children.Find(child => child.Name == "cpu")?.Children.Find(child => child.Name == "topology");
        ulong maximum = Value(tree.Root.Children.Find(child => child.Name == "vcpu")?.Text, 1);
        ulong[] levels = [Level("threads", 1), Level("cores", topology is null ? maximum : 1), Level("dies", 1)];
        List<string> vcpus = [];
        for (ulong vcpu = 0; vcpu < Math.Min(maximum, NumberSetText.Greatest); vcpu++)
        {
            ulong core = vcpu / levels[0];
            ulong die = core / levels[1];
            ulong?[] ids = [die / levels[2], die % levels[2], core % levels[1], vcpu % levels[0]];
            if (wanted.Zip(ids).All(pair => pair.First is null || pair.First == pair.Second))
            {
                vcpus.Add(QemuNumbers.Format(vcpu));
            }
        }

        string? given = cell.Attributes.Find(pair => pair.Name == "cpus")?.Value;
        if (vcpus.Count != 0 && (given?.Length ?? 0) < TextTypes.LongestString)
        {
            tree.Put(cell, "@cpus", string.Join(',', given is null ? vcpus : [given, .. vcpus]), settings);
        }

        ulong Level(string name, ulong otherwise) => Math.Max(1, Value(topology?.Attributes.Find(pair => pair.Name == name)?.Value, otherwise));
    }

    private static ulong Value(string? text, ulong otherwise) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : otherwise;
}
