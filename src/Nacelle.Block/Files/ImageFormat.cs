using System.Buffers.Binary;
using System.Text;
using Nacelle.Linux;

namespace Nacelle.Block;

/// <summary>Recognises files that hold a disk in a form of their own. Opened as raw, a guest would see, and destroy, that form. Stateless.</summary>
public static class ImageFormat
{
    /// <summary>Bytes from the start of a file that are looked at.</summary>
    public const int HeadLength = 1024;

    /// <summary>Bytes from the end of a file that are looked at: the footers of VHD (511 bytes in its oldest form) and DMG.</summary>
    public const int TailLength = 512;

    private const uint VdiSignature = 0xBEDA_107F;
    private const int VdiSignatureOffset = 64;

    /// <summary>Magic bytes at the start; QEMU's name of the format, where it has one, since the remedy is qemu-img.</summary>
    private static readonly (byte[] Magic, string Name)[] s_heads =
    [
        ([.. "QFI"u8, 0xFB], "qcow2"),
        ([.. "QED"u8, 0], "qed"),
        ("KDMV"u8.ToArray(), "vmdk"),
        ("COWD"u8.ToArray(), "vmdk"),
        ("vhdxfile"u8.ToArray(), "vhdx"),
        ("conectix"u8.ToArray(), "vpc"),
        ("cxsparse"u8.ToArray(), "vpc"),
        ([.. "LUKS"u8, 0xBA, 0xBE], "luks"),
        ([.. "SKUL"u8, 0xBA, 0xBE], "luks"),
        ("WithoutFreeSpace"u8.ToArray(), "parallels"),
        ("WithouFreSpacExt"u8.ToArray(), "parallels"),
        ("Bochs Virtual HD Image"u8.ToArray(), "bochs"),
        ("#!/bin/sh\n#V2.0 Format\nmodprobe cloop"u8.ToArray(), "cloop"),
        ([0x1F, 0x8B, 8], "gzip"),
        ([0xFD, .. "7zXZ"u8, 0], "xz"),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstd"),
    ];

    /// <summary>Recognises a format.</summary>
    /// <param name="head">The first bytes, up to <see cref="HeadLength"/>.</param>
    /// <param name="tail">The last bytes, up to <see cref="TailLength"/>.</param>
    /// <returns>Its name; null for a disk as it is.</returns>
    public static string? Recognise(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
    {
        foreach ((byte[] magic, string name) in s_heads)
        {
            if (head.StartsWith(magic))
            {
                return name;
            }
        }

        if (HasVdiSignature(head))
        {
            return "vdi";
        }

        if (IsDescriptor(head))
        {
            return "vmdk";
        }

        return tail.StartsWith("koly"u8) ? "dmg"
            : tail.StartsWith("conectix"u8) || (tail.Length == TailLength && tail[1..].StartsWith("conectix"u8)) ? "vpc"
            : null;
    }

    /// <summary>What to do about a file in a format, for the end of a sentence.</summary>
    /// <param name="format">From <see cref="Recognise(ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>.</param>
    /// <param name="path">The file.</param>
    public static string Remedy(string format, string path) => format switch
    {
        "gzip" or "xz" or "zstd" => "unpack it first, or say format=raw if a guest made it so",
        "luks" => "format=raw gives the guest the encrypted bytes",
        _ => $"convert it with 'qemu-img convert -O raw {path} NEW', or say format=raw if a guest made it so",
    };

    /// <summary>Reads both ends of an open file.</summary>
    /// <exception cref="LinuxException">It cannot be read.</exception>
    internal static string? Recognise(HostFile file, long size)
    {
        Span<byte> head = stackalloc byte[HeadLength];
        Span<byte> tail = stackalloc byte[TailLength];
        head = head[..(int)Math.Min(size, HeadLength)];
        tail = tail[..(int)Math.Min(size, TailLength)];
        file.ReadExactly(head, 0);
        file.ReadExactly(tail, size - tail.Length);
        return Recognise(head, tail);
    }

    private static bool HasVdiSignature(ReadOnlySpan<byte> head) =>
        head.Length >= VdiSignatureOffset + sizeof(uint)
        && BinaryPrimitives.ReadUInt32LittleEndian(head[VdiSignatureOffset..]) == VdiSignature;

    /// <summary>The text form of a VMDK, whose data lies in other files: comments and blank lines, one of which is its title.</summary>
    private static bool IsDescriptor(ReadOnlySpan<byte> head)
    {
        foreach (string line in Encoding.Latin1.GetString(head).Split('\n'))
        {
            string text = line.Trim();
            if (text.StartsWith('#') && text.Contains("Disk DescriptorFile", StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }

            if (text.Length != 0 && !text.StartsWith('#') && !text.StartsWith("version=", StringComparison.OrdinalIgnoreCase))
            {
                return false;
            }
        }

        return false;
    }
}
