using System.Buffers.Binary;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>The label of an LVM physical volume and the name of its volume group. Stateless; null is "not there".</summary>
internal static class PhysicalVolumeSignature
{
    private const int Sector = 512;
    private const int LabelSectors = 4;
    private const int MostAreas = 8;
    private const int LongestName = 127;

    /// <summary>The label in one of the first four sectors; the volume group's name from the first metadata area that has one.</summary>
    internal static HostBlockSignature? Read(IBlockBytes device)
    {
        Span<byte> label = stackalloc byte[Sector];
        for (uint sector = 0; sector < LabelSectors; sector++)
        {
            if (device.TryRead(sector * Sector, label)
                && label.StartsWith("LABELONE"u8)
                && BinaryPrimitives.ReadUInt64LittleEndian(label[8..]) == sector
                && label[24..].StartsWith("LVM2 001"u8))
            {
                uint header = BinaryPrimitives.ReadUInt32LittleEndian(label[20..]);
                return header is < 32 or > Sector - 40
                    ? null
                    : new HostBlockSignature(
                        HostBlockSignatureKind.PhysicalVolume, "lvm2", null, VolumeGroup(device, label, (int)header), Uuid(label.Slice((int)header, 32)),
                        sector * Sector);
            }
        }

        return null;
    }

    /// <summary>32 characters as LVM prints them: in groups of 6, 4, 4, 4, 4, 4 and 6.</summary>
    private static string? Uuid(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        for (int i = 0; i < 32; i++)
        {
            if (!char.IsAsciiLetterOrDigit((char)bytes[i]))
            {
                return null;
            }

            text.Append(i is 6 or 10 or 14 or 18 or 22 or 26 ? "-" : "").Append((char)bytes[i]);
        }

        return text.ToString();
    }

    /// <summary>After UUID and size: pairs of offset and size of data areas, a pair of zeroes, pairs of metadata areas, a pair of zeroes.</summary>
    private static string? VolumeGroup(IBlockBytes device, ReadOnlySpan<byte> label, int header)
    {
        bool metadata = false;
        int areas = 0;
        for (int at = header + 40; at + 16 <= Sector && areas < MostAreas; at += 16)
        {
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(label[at..]);
            if (offset == 0)
            {
                if (metadata)
                {
                    return null;
                }

                metadata = true;
                continue;
            }

            areas++;
            if (metadata && Name(device, offset) is string name)
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>The metadata area's header points to a text that begins with the group's name and an opening brace.</summary>
    private static string? Name(IBlockBytes device, ulong area)
    {
        Span<byte> header = stackalloc byte[64];
        if (area > device.Length || !device.TryRead(area, header) || !header[4..].StartsWith(" LVM2 x[5A%r0N*>"u8))
        {
            return null;
        }

        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]);
        Span<byte> text = stackalloc byte[LongestName + 2];
        if (offset is < 512 || offset > device.Length - area || !device.TryRead(area + offset, text))
        {
            return null;
        }

        int end = text.IndexOf(" {"u8);
        foreach (byte character in end > 0 ? text[..end] : [])
        {
            if (!char.IsAsciiLetterOrDigit((char)character) && character is not ((byte)'+' or (byte)'_' or (byte)'.' or (byte)'-'))
            {
                return null;
            }
        }

        return end > 0 ? Encoding.ASCII.GetString(text[..end]) : null;
    }
}
