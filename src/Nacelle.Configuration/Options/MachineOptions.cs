using System.Globalization;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>The values of the options with one plain value.</summary>
public static class MachineOptions
{
    private const int LongestName = 64;

    /// <summary>Numbers without a unit that were probably meant as MiB: up to 16 TiB.</summary>
    private const ulong MostMebibytes = 16UL << 20;

    /// <summary>Reads <c>--cpus</c>.</summary>
    /// <exception cref="ConfigurationException">It is not a number of vCPUs.</exception>
    public static int ParseVirtualCpus(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
        && count is >= 1 and <= MachineDescription.MaximumVirtualCpus
            ? count
            : throw new ConfigurationException(
                $"'{text}' vCPUs: give a number from 1 to {MachineDescription.MaximumVirtualCpus}");

    /// <summary>Reads <c>--memory</c>.</summary>
    /// <returns>Bytes; a multiple of 2 MiB.</returns>
    /// <exception cref="ConfigurationException">It is not a size or not one that a machine can have.</exception>
    public static ulong ParseMemory(string text)
    {
        const ulong step = 2UL << 20;
        ulong bytes = ByteSize.Parse("memory", text);
        if ((bytes == 0 || bytes % step != 0) && text.All(char.IsAsciiDigit) && bytes is > 0 and <= MostMebibytes)
        {
            ulong meant = (bytes + 1) / 2 * 2;
            throw new ConfigurationException(Say($"memory '{text}' is {bytes} bytes: did you mean {meant}M?"));
        }

        return bytes != 0 && bytes % step == 0
            ? bytes
            : throw new ConfigurationException($"memory '{text}' is not a multiple of 2M: {Neighbours(bytes, step)}");
    }

    /// <summary>Reads <c>--name</c>.</summary>
    /// <exception cref="ConfigurationException">It is empty, too long or has control characters.</exception>
    public static string ParseName(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is > 0 and <= LongestName && !text.Any(char.IsControl)
            ? text
            : throw new ConfigurationException($"use a name of 1 to {LongestName} characters, without control characters");
    }

    /// <summary>Reads the path of a file.</summary>
    /// <param name="what">Which file, for the message.</param>
    /// <param name="text">The path.</param>
    /// <exception cref="ConfigurationException">It is empty.</exception>
    public static string ParsePath(string what, string text) => !string.IsNullOrEmpty(text)
        ? text
        : throw new ConfigurationException($"the {what}'s file name is empty: name a file");

    /// <summary>Reads <c>--boot-marker</c>.</summary>
    /// <exception cref="ConfigurationException">It is empty.</exception>
    public static string ParseBootMarker(string text) => !string.IsNullOrEmpty(text)
        ? text
        : throw new ConfigurationException("the boot marker is empty: give a text that the guest writes");

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Neighbours(ulong bytes, ulong step)
    {
        ulong below = bytes / step * step;
        return below == 0
            ? $"give at least {ByteSize.Format(step)}"
            : $"give {ByteSize.Format(below)} or {ByteSize.Format(below + step)}";
    }
}
