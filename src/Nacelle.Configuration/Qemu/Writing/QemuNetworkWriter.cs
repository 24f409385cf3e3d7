using static Nacelle.Configuration.QemuWriting;

namespace Nacelle.Configuration;

/// <summary>Writes what network cards are connected to. Stateless.</summary>
internal static class QemuNetworkWriter
{
    /// <summary>Writes the back end of a card, and adds the reference to the device's settings.</summary>
    internal static void Write(QemuWriting writing, XmlTreeElement network, List<string> settings)
    {
        string id = writing.Make("net");
        string? type = Peek(network, "@type");
        List<string>? backEnd = type switch
        {
            "user" => User(network),
            "ethernet" => Tap(network),
            "bridge" => Bridge(network),
            "vhostuser" => VhostUser(writing, network),
            "vdpa" => Vdpa(network),
            "server" => ["socket", Setting("listen", Where(network, "source/@address", "source/@port"))],
            "client" => ["socket", Setting("connect", Where(network, "source/@address", "source/@port"))],
            "mcast" => ["socket", Setting("mcast", Where(network, "source/@address", "source/@port"))],
            "udp" =>
            [
                "socket", Setting("udp", Where(network, "source/@address", "source/@port")),
                Setting("localaddr", Where(network, "source/local/@address", "source/local/@port")),
            ],
            _ => null,
        };
        if (type == "null")
        {
            Take(network, "@type");
        }

        if (backEnd is null)
        {
            return;
        }

        Take(network, "@type");
        if (Peek(network, "driver/@queues") is string queues)
        {
            Take(network, "driver/@queues");
            backEnd.Add(Setting("queues", queues));
            settings.Add("mq=on");
        }

        if (TakeIf(network, "teaming/@type", "persistent"))
        {
            settings.Add("failover=on");
        }

        writing.Add("-netdev", [backEnd[0], Setting("id", id), .. backEnd.Skip(1)]);
        settings.Add(Setting("netdev", id));
    }

    private static List<string> User(XmlTreeElement network)
    {
        List<string> settings = ["user"];
        foreach (XmlTreeElement forward in network.Children.Where(child => child.Name == "portForward" && Peek(child, "@dev") is null).ToArray())
        {
            string protocol = Peek(forward, "@proto") ?? "tcp";
            string address = Peek(forward, "@address") ?? "";
            foreach (XmlTreeElement range in forward.Children.Where(child => Peek(child, "@end") is null && Peek(child, "@exclude") is null).ToArray())
            {
                string start = Peek(range, "@start") ?? "0";
                settings.Add(Setting("hostfwd", $"{protocol}:{address}:{start}-:{Peek(range, "@to") ?? start}"));
                forward.Children.Remove(range);
            }

            if (forward.Children.Count == 0)
            {
                network.Children.Remove(forward);
            }
        }

        return settings;
    }

    private static List<string> Tap(XmlTreeElement network)
    {
        List<string> settings = ["tap"];
        Move(network, "target/@dev", settings, "ifname");
        TakeIf(network, "target/@managed", "no");
        settings.Add(Setting("script", Take(network, "script/@path") ?? "no"));
        settings.Add(Setting("downscript", Take(network, "downscript/@path") ?? "no"));
        Move(network, "tune/sndbuf", settings, "sndbuf");
        string? driver = Peek(network, "driver/@name");
        if (driver is "vhost" or "qemu")
        {
            Take(network, "driver/@name");
            settings.Add(Setting("vhost", driver == "vhost" ? "on" : "off"));
        }

        return settings;
    }

    private static List<string> Bridge(XmlTreeElement network)
    {
        TakeIf(network, "driver/@name", "qemu");
        return ["bridge", Setting("br", Take(network, "source/@bridge") ?? "br0")];
    }

    private static List<string> VhostUser(QemuWriting writing, XmlTreeElement network)
    {
        Take(network, "source/@type");
        string path = Take(network, "source/@path") ?? "";
        bool isServer = Take(network, "source/@mode") == "server";
        string? reconnect = TakeIf(network, "source/reconnect/@enabled", "yes") ? Take(network, "source/reconnect/@timeout") : null;
        return ["vhost-user", Setting("chardev", QemuBackEndWriter.Socket(writing, path, isServer, reconnect))];
    }

    private static List<string> Vdpa(XmlTreeElement network)
    {
        List<string> settings = ["vhost-vdpa"];
        Move(network, "source/@dev", settings, "vhostdev");
        return settings;
    }

    private static string Where(XmlTreeElement network, string address, string port) => $"{Take(network, address)}:{Take(network, port)}";
}
