using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Addresses on PCI as QEMU writes them. Stateless.</summary>
internal static class QemuPciAddress
{
    /// <summary>Reads slot.function, hexadecimal with or without 0x.</summary>
    internal static (uint Slot, uint Function)? Parse(string text)
    {
        string[] parts = text.Split('.');
        return parts.Length <= 2 && Hexadecimal(parts[0]) is uint slot && (parts.Length == 1 ? 0 : Hexadecimal(parts[1])) is uint function
            ? (slot, function) : null;
    }

    /// <summary>Writes the address of a device of the host, domain:bus:slot.function.</summary>
    internal static void PutHost(QemuMachineTree tree, QemuSettings settings, QemuSetting setting, XmlTreeElement to, string path)
    {
        string[] parts = setting.Value.Split(':', '.');
        uint?[] numbers = [.. parts.Select(Hexadecimal)];
        if (numbers.Length is not (3 or 4) || numbers.Contains(null))
        {
            tree.Refuse(settings, setting, "the address of a device of the host, such as 0000:3b:00.0");
            return;
        }

        uint?[] full = numbers.Length == 4 ? numbers : [0, .. numbers];
        foreach ((string name, uint? value, int digits) in ((string, uint?, int)[])[("domain", full[0], 4), ("bus", full[1], 2), ("slot", full[2], 2), ("function", full[3], 1)])
        {
            string hexadecimal = value!.Value.ToString("x", CultureInfo.InvariantCulture).PadLeft(digits, '0');
            tree.Put(to, $"{path}/@{name}", "0x" + hexadecimal, settings, setting);
        }
    }

    private static uint? Hexadecimal(string text)
    {
        ReadOnlySpan<char> digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text;
        return digits.Length is > 0 and <= 8 && uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint number)
            ? number : null;
    }
}
