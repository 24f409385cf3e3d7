using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>-smp: how many vCPUs there are, and their topology. Stateless.</summary>
internal static class QemuVcpuOption
{
    /// <summary>The most that is read; the configuration has its own bound.</summary>
    private const ulong Most = 65535;

    /// <summary>Puts it into the machine.</summary>
    internal static void Apply(QemuReading reading, QemuSettings settings)
    {
        QemuMachineTree tree = reading.Tree;
        QemuSetting? first = settings.Find("cpus") ?? settings.Find("maxcpus");
        Counts given = new(
            Number(tree, settings, "cpus"), Number(tree, settings, "maxcpus"), Number(tree, settings, "sockets"), Number(tree, settings, "dies"),
            Number(tree, settings, "clusters"), Number(tree, settings, "cores"), Number(tree, settings, "threads"));
        bool hasTopology = given.Sockets + given.Dies + given.Clusters + given.Cores + given.Threads > 0;
        Counts full = Complete(given, PrefersSockets(reading.Machine));
        if (full.Maximum is 0 or > Most)
        {
            reading.Shapes.Refuse(settings.Position, string.Create(
                CultureInfo.InvariantCulture, $"{settings.Label}: the vCPUs come to {full.Maximum}, and a machine has from 1 to {Most}"));
            return;
        }

        tree.Put(tree.Root, "vcpu", QemuNumbers.Format(full.Maximum), settings);
        if (full.Current != full.Maximum)
        {
            tree.Put(tree.Root, "vcpu/@current", QemuNumbers.Format(full.Current), settings, first);
        }

        if (full.Current > full.Maximum)
        {
            reading.Shapes.Refuse(settings.Position, $"{settings.Label}: more vCPUs at start than the maximum: raise maxcpus or lower cpus");
        }

        if (!hasTopology)
        {
            return;
        }

        ulong product = full.Sockets * Math.Max(1, full.Dies) * Math.Max(1, full.Clusters) * full.Cores * full.Threads;
        if (product != full.Maximum)
        {
            reading.Shapes.Refuse(settings.Position, string.Create(
                CultureInfo.InvariantCulture, $"{settings.Label}: the topology has {product} vCPUs, and the maximum is {full.Maximum}: make them equal"));
            return;
        }

        XmlTreeElement topology = tree.Add(tree.Get(tree.Root, "cpu", settings.Position, settings.Label), "topology", settings.Position, settings.Label);
        tree.Put(topology, "@sockets", QemuNumbers.Format(full.Sockets), settings);
        tree.Put(topology, "@cores", QemuNumbers.Format(full.Cores), settings);
        tree.Put(topology, "@threads", QemuNumbers.Format(full.Threads), settings);
        if (full.Dies > 1)
        {
            tree.Put(topology, "@dies", QemuNumbers.Format(full.Dies), settings);
        }

        if (full.Clusters > 1)
        {
            tree.Put(topology, "@clusters", QemuNumbers.Format(full.Clusters), settings);
        }
    }

    private static ulong Number(QemuMachineTree tree, QemuSettings settings, string name)
    {
        bool isGiven = settings.Find(name) is not null;
        ulong? number = tree.TakeNumber(settings, name, Most);
        if (isGiven && number == 0)
        {
            tree.Refuse(settings, settings.Find(name)!, "a number from 1");
        }

        return number ?? 0;
    }

    /// <summary>What is not given follows from the rest: machines before 6.2 make sockets of what is left, later ones cores.</summary>
    private static Counts Complete(Counts given, bool prefersSockets)
    {
        ulong maximum = given.Maximum != 0 ? given.Maximum : given.Current;
        ulong between = Math.Max(1, given.Dies) * Math.Max(1, given.Clusters);
        (ulong sockets, ulong cores, ulong threads) = (given.Sockets, given.Cores, given.Threads);
        if (maximum == 0)
        {
            sockets = Math.Max(1, sockets);
            cores = Math.Max(1, cores);
            threads = Math.Max(1, threads);
            maximum = sockets * between * cores * threads;
        }
        else if (prefersSockets && sockets == 0)
        {
            cores = Math.Max(1, cores);
            threads = Math.Max(1, threads);
            sockets = Math.Max(1, maximum / (between * cores * threads));
        }
        else if (cores == 0)
        {
            sockets = Math.Max(1, sockets);
            threads = Math.Max(1, threads);
            cores = Math.Max(1, maximum / (sockets * between * threads));
        }
        else if (sockets == 0)
        {
            threads = Math.Max(1, threads);
            sockets = Math.Max(1, maximum / (between * cores * threads));
        }
        else if (threads == 0)
        {
            threads = Math.Max(1, maximum / (sockets * between * cores));
        }

        return new Counts(given.Current != 0 ? given.Current : maximum, maximum, sockets, given.Dies, given.Clusters, cores, threads);
    }

    private static bool PrefersSockets(string machine)
    {
        string[] version = machine[(machine.LastIndexOf('-') + 1)..].Split('.');
        return version.Length >= 2 && int.TryParse(version[0], NumberStyles.None, CultureInfo.InvariantCulture, out int major)
            && int.TryParse(version[1], NumberStyles.None, CultureInfo.InvariantCulture, out int minor) && (major < 6 || (major == 6 && minor < 2));
    }

    private readonly record struct Counts(ulong Current, ulong Maximum, ulong Sockets, ulong Dies, ulong Clusters, ulong Cores, ulong Threads);
}
