using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes RAM, the back ends that it comes from, and NUMA nodes. Stateless.</summary>
internal static class QemuMemoryWriter
{
    /// <summary>Writes it.</summary>
    /// <returns>The back end of all RAM; null where QEMU makes one.</returns>
    internal static string? Write(QemuWriting writing)
    {
        XmlTreeElement root = writing.Root;
        ulong memory = TakeSize(root, "memory") ?? 128UL << 20;

        // A guest has the memory of its NUMA nodes, to libvirt and to QEMU.
        if (Child(root, "cpu") is XmlTreeElement processor && Child(processor, "numa") is XmlTreeElement numa
            && !writing.Devices.Children.Exists(child => child.Name == "memory"))
        {
            ulong sum = numa.Children.Where(cell => cell.Name == "cell").Aggregate(
                0UL, (total, cell) => unchecked(total + (ScaledSize.TryParse(Peek(cell, "@memory") ?? "0", ScaledSize.BytesOf(Peek(cell, "@unit") ?? "KiB")) ?? 0)));
            memory = sum == 0 ? memory : sum;
        }
        List<string> settings = [Setting("size", $"{QemuNumbers.Format(memory)}B")];
        if (TakeSize(root, "maxMemory") is ulong most)
        {
            Move(root, "maxMemory/@slots", settings, "slots");
            settings.Add(Setting("maxmem", $"{QemuNumbers.Format(most)}B"));
        }

        // QEMU begins with a balloon that is empty.
        if (Peek(root, "currentMemory") is not null && TakeSize(root, "currentMemory") is ulong current && current != memory)
        {
            writing.Refusals.Add("<currentMemory>: QEMU gives a guest all of its RAM at start: make it equal to <memory>");
        }

        writing.Add("-m", [.. settings]);
        if (Take(root, "memoryBacking/locked") is not null)
        {
            writing.Add("-overcommit", "mem-lock=on");
        }

        XmlTreeElement? cells = Child(root, "cpu") is XmlTreeElement cpu ? Child(cpu, "numa") : null;
        return cells is null ? MainBackEnd(writing, memory) : Nodes(writing, cells);
    }

    private static string? MainBackEnd(QemuWriting writing, ulong memory)
    {
        XmlTreeElement root = writing.Root;
        if (Child(root, "memoryBacking") is not XmlTreeElement backing)
        {
            return null;
        }

        bool isPlain = Child(backing, "access") is null && Child(backing, "source") is null && Child(backing, "discard") is null
            && Peek(backing, "allocation/@threads") is null && Child(root, "numatune") is null;
        if (isPlain)
        {
            if (Take(backing, "hugepages") is not null)
            {
                writing.Add("-mem-path", "/dev/hugepages");
            }

            if (TakeIf(backing, "allocation/@mode", "immediate"))
            {
                writing.Add("-mem-prealloc");
            }
        }

        TakeIf(backing, "allocation/@mode", "ondemand");
        string? result = isPlain ? null : BackEnd(writing, "made-ram", memory, backing, isLast: true);
        if (backing.IsEmpty)
        {
            root.Children.Remove(backing);
        }

        return result;
    }

    /// <summary>Writes an object that is of the kind that the machine's RAM is.</summary>
    private static string BackEnd(QemuWriting writing, string id, ulong size, XmlTreeElement? backing, bool isLast, params ReadOnlySpan<string> more)
    {
        List<string> settings = [Setting("id", id), Setting("size", $"{QemuNumbers.Format(size)}B")];
        string kind = more.Contains("share=on") ? "memory-backend-memfd" : "memory-backend-ram";
        if (backing is not null)
        {
            bool isHuge = Child(backing, "hugepages") is not null;
            if (Peek(backing, "source/@type") == "memfd")
            {
                kind = "memory-backend-memfd";
                if (isHuge)
                {
                    settings.Add("hugetlb=on");
                    if (Peek(backing, "hugepages/page/@size") is string page && Peek(backing, "hugepages/page/@nodeset") is null)
                    {
                        settings.Add(Setting("hugetlbsize", $"{page}K"));
                    }
                }
            }
            else if (isHuge && Peek(backing, "hugepages/page/@size") is null)
            {
                kind = "memory-backend-file";
                settings.Add("mem-path=/dev/hugepages");
            }

            if (Peek(backing, "access/@mode") is string access && !more.Contains("share=on") && !more.Contains("share=off"))
            {
                settings.Add(Setting("share", access == "shared" ? "on" : "off"));
            }

            if (Peek(backing, "allocation/@mode") == "immediate")
            {
                settings.Add("prealloc=on");
            }

            if (Peek(backing, "allocation/@threads") is string threads)
            {
                settings.Add(Setting("prealloc-threads", threads));
            }

            // RAM has no pages to give back to a file; libvirt shares what others map by a file or memfd.
            if (kind == "memory-backend-ram" && (Peek(backing, "access/@mode") == "shared" || more.Contains("share=on")))
            {
                kind = "memory-backend-memfd";
            }

            if (Child(backing, "discard") is not null && kind != "memory-backend-ram")
            {
                settings.Add("discard-data=on");
            }
        }

        if (backing is not null && isLast)
        {
            Done(backing, kind);
        }

        if (Peek(writing.Root, "numatune/memory/@nodeset") is string nodes && Peek(writing.Root, "numatune/memory/@placement") is null or "static")
        {
            string? policy = Peek(writing.Root, "numatune/memory/@mode") switch { null or "strict" => "bind", "preferred" => "preferred", "interleave" => "interleave", _ => null };
            if (policy is not null && nodes.IndexOfAny([',', '^']) < 0)
            {
                settings.Add(Setting("host-nodes", nodes));
                settings.Add(Setting("policy", policy));
                if (isLast)
                {
                    Take(writing.Root, "numatune/memory/@nodeset");
                    Take(writing.Root, "numatune/memory/@mode");
                    Take(writing.Root, "numatune/memory/@placement");
                }
            }
        }

        foreach (string setting in more)
        {
            if (kind != "memory-backend-ram" || setting != "discard-data=on")
            {
                settings.Add(setting);
            }
        }

        writing.Add("-object", [kind, .. settings]);
        return id;
    }

    private static void Done(XmlTreeElement backing, string kind)
    {
        Take(backing, "access/@mode");
        TakeIf(backing, "allocation/@mode", "immediate");
        Take(backing, "allocation/@threads");
        Take(backing, "discard");
        if (kind == "memory-backend-memfd")
        {
            Take(backing, "source/@type");
            if (Peek(backing, "hugepages/page/@nodeset") is null)
            {
                Take(backing, "hugepages/page/@size");
                Take(backing, "hugepages/page/@unit");
            }
        }

        Take(backing, "hugepages");
    }

    private static string? Nodes(QemuWriting writing, XmlTreeElement cells)
    {
        XmlTreeElement root = writing.Root;
        XmlTreeElement? backing = Child(root, "memoryBacking");
        XmlTreeElement[] all = [.. cells.Children.Where(cell => cell.Name == "cell")];
        List<(string From, string To, string Value)> distances = [];
        for (int i = 0; i < all.Length; i++)
        {
            XmlTreeElement cell = all[i];
            string id = Take(cell, "@id") ?? QemuNumbers.Format(i);
            ulong size = ScaledSize.TryParse(Take(cell, "@memory") ?? "0", ScaledSize.BytesOf(Take(cell, "@unit") ?? "KiB")) ?? 0;
            List<string> node = ["node", Setting("nodeid", id)];
            foreach (string range in (Take(cell, "@cpus") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                node.Add(Setting("cpus", range));
            }

            List<string> own = [];
            if (Take(cell, "@memAccess") is string access)
            {
                own.Add(Setting("share", access == "shared" ? "on" : "off"));
            }

            Move(cell, "@discard", own, "discard-data", QemuValueKind.YesNo);
            if (size != 0)
            {
                node.Add(Setting("memdev", BackEnd(writing, $"made-node{id}", size, backing, i == all.Length - 1, [.. own])));
            }

            writing.Add("-numa", [.. node]);
            foreach (XmlTreeElement sibling in Child(cell, "distances")?.Children ?? [])
            {
                distances.Add((id, Take(sibling, "@id") ?? "", Take(sibling, "@value") ?? ""));
            }

            XmlTreeElement? list = Child(cell, "distances");
            list?.Children.RemoveAll(child => child.IsEmpty);
            cell.Children.RemoveAll(child => child.IsEmpty);
        }

        foreach ((string from, string to, string value) in distances)
        {
            writing.Add("-numa", "dist", Setting("src", from), Setting("dst", to), Setting("val", value));
        }

        cells.Children.RemoveAll(child => child.IsEmpty);
        XmlTreeElement cpu = Child(root, "cpu")!;
        if (cells.IsEmpty)
        {
            cpu.Children.Remove(cells);
        }

        if (backing is { IsEmpty: true })
        {
            root.Children.Remove(backing);
        }

        return null;
    }
}
