using System.Globalization;
using System.Text;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>The value of <c>--net</c>: tap:NAME, user or none, then [,option=value…].</summary>
public static class NetworkOption
{
    /// <summary>Longest name of a host's network interface in bytes (IFNAMSIZ less the terminating zero).</summary>
    public const int LongestInterfaceName = 15;

    /// <summary>Most queue pairs of an interface.</summary>
    public const int MostQueues = 8;

    private static readonly string[] s_kinds = ["tap:NAME", "user", "none"];
    private static readonly string[] s_names = ["forward", "mac", "packed", "queues"];

    /// <summary>Forms of the value's head.</summary>
    public static IReadOnlyList<string> Kinds => s_kinds;

    /// <summary>Names of the options after the head.</summary>
    public static IReadOnlyList<string> Names => s_names;

    /// <summary>Reads a network interface.</summary>
    /// <returns>Null for "none".</returns>
    /// <exception cref="ConfigurationException">An option or value is not valid.</exception>
    public static NetworkDescription? Parse(string text)
    {
        OptionValue value = OptionValue.Split("network", text, s_names, "forward");
        if (value.Head == "none")
        {
            return value.Settings.Count == 0
                ? null
                : throw new ConfigurationException($"network 'none' takes no options: leave '{value.Settings[0].Key}' out");
        }

        NetworkDescription network = ParseKind(value.Head);
        foreach (KeyValuePair<string, string> setting in value.Settings)
        {
            network = setting.Key switch
            {
                "forward" => network with { PortForwards = network.PortForwards.Add(Forward(network, setting.Value)) },
                "mac" => network with { MacAddress = MacAddress(setting.Value) },
                "packed" => network with { Packed = value.Switch(setting) },
                _ => network with { Queues = value.Number(setting, 1, MostQueues) },
            };
        }

        return network;
    }

    /// <summary>Writes a network interface; <see cref="Parse"/> reads it back.</summary>
    public static string Format(NetworkDescription? network)
    {
        if (network is null)
        {
            return "none";
        }

        List<KeyValuePair<string, string>> settings = [];
        foreach (PortForward forward in network.PortForwards)
        {
            settings.Add(new("forward", PortForwardOption.Format(forward)));
        }

        if (network.MacAddress is string address)
        {
            settings.Add(new("mac", address));
        }

        if (network.Packed)
        {
            settings.Add(new("packed", "on"));
        }

        if (network.Queues != 0)
        {
            settings.Add(new("queues", network.Queues.ToString(CultureInfo.InvariantCulture)));
        }

        return OptionValue.Join(network.Kind == NetworkBackendKind.Tap ? $"tap:{network.TapName}" : "user", settings);
    }

    private static NetworkDescription ParseKind(string head)
    {
        const string tap = "tap:";
        if (head == "user")
        {
            return new NetworkDescription { Kind = NetworkBackendKind.User };
        }

        if (!head.StartsWith(tap, StringComparison.Ordinal))
        {
            throw new ConfigurationException(NearestName.Refusal("network", head, s_kinds));
        }

        string name = head[tap.Length..];
        bool valid = name is not ("" or "." or "..")
            && Encoding.UTF8.GetByteCount(name) <= LongestInterfaceName
            && !name.Any(character => character is '/' or ':' or '\0' or '%' || char.IsWhiteSpace(character));
        return valid
            ? new NetworkDescription { Kind = NetworkBackendKind.Tap, TapName = name }
            : throw new ConfigurationException(
                $"'{name}' is not a name of a tap interface: give 1 to {LongestInterfaceName} bytes without '/', ':', '%' or spaces");
    }

    private static PortForward Forward(NetworkDescription network, string text)
    {
        if (network.Kind != NetworkBackendKind.User)
        {
            throw new ConfigurationException("network option 'forward' needs network 'user': a tap is reached directly");
        }

        PortForward forward = PortForwardOption.Parse(text);
        PortForwardOption.CheckUnique(forward, network.PortForwards);
        return forward;
    }

    private static string MacAddress(string text)
    {
        string[] parts = text.Split(':');
        bool formed = parts.Length == 6 && parts.All(part => part.Length == 2 && part.All(char.IsAsciiHexDigit));
        if (!formed)
        {
            throw new ConfigurationException(
                $"network option mac={text} is not a MAC address: write six pairs of hexadecimal digits, such as 52:54:00:12:34:56");
        }

        if ((Convert.ToByte(parts[0], 16) & 1) != 0 || parts.All(part => part == "00"))
        {
            throw new ConfigurationException(
                $"network option mac={text} is a group address or zero: take an address whose first byte is even, such as 52");
        }

        return text.ToLowerInvariant();
    }
}
