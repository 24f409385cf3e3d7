using System.Runtime.InteropServices;
using Nacelle.Network;

namespace Nacelle.Devices.Virtio.Network;

/// <summary>What stands before each frame (struct virtio_net_hdr; virtio 1.2, 5.1.6).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NetworkHeader
{
    public const int Size = INetworkQueuePair.HeaderSize;
    public const byte NeedsChecksumFlag = 1;

    /// <summary>Offset of <see cref="BufferCount"/>.</summary>
    public const int BufferCountOffset = 10;

    public byte Flags;
    public SegmentationType Segmentation;
    public ushort HeaderLength;
    public ushort SegmentSize;
    public ushort ChecksumStart;
    public ushort ChecksumOffset;
    public ushort BufferCount;
}

/// <summary>Field gso_type of the header.</summary>
internal enum SegmentationType : byte
{
    None = 0,
    Tcp4 = 1,
    Udp = 3,
    Tcp6 = 4,

    /// <summary>A flag beside the TCP types.</summary>
    Congestion = 0x80,
}

/// <summary>Judges frames that a guest sends. Pure: the header was copied out once, and every value in it may be hostile.</summary>
internal static class TransmitHeaderParser
{
    /// <summary>An Ethernet header.</summary>
    public const int ShortestFrame = 14;

    /// <summary>64 KiB of packet, Ethernet header and VLAN tag.</summary>
    public const int LongestFrame = 65535 + 18;

    /// <summary>Judges a header and, where it stands, reduces it to what the back end has to know.</summary>
    /// <param name="header">In: as the guest wrote it. Out: fields without a meaning are zero, hints are inside the frame.</param>
    /// <param name="frameLength">Bytes after the header.</param>
    /// <param name="allowed">What the driver negotiated to leave undone.</param>
    /// <returns>Null, or the rule that the frame breaks: it is dropped.</returns>
    public static string? Judge(ref NetworkHeader header, ulong frameLength, NetworkOffloads allowed)
    {
        if (frameLength is < ShortestFrame or > LongestFrame)
        {
            return "a frame is shorter than its Ethernet header or longer than 64 KiB";
        }

        // 5.1.6.2.2: flag bits that are not known are ignored.
        bool needsChecksum = (header.Flags & NetworkHeader.NeedsChecksumFlag) != 0;
        string? rule = needsChecksum ? JudgeChecksum(header, frameLength, allowed) : null;
        rule ??= header.Segmentation == SegmentationType.None ? null : JudgeSegmentation(header, needsChecksum, allowed);
        if (rule is not null)
        {
            return rule;
        }

        bool segmented = header.Segmentation != SegmentationType.None;
        header.Flags = needsChecksum ? NetworkHeader.NeedsChecksumFlag : (byte)0;
        header.ChecksumStart = needsChecksum ? header.ChecksumStart : (ushort)0;
        header.ChecksumOffset = needsChecksum ? header.ChecksumOffset : (ushort)0;
        header.SegmentSize = segmented ? header.SegmentSize : (ushort)0;

        // The length of the headers is a hint that must not be relied upon (5.1.6.2.2).
        header.HeaderLength = (ushort)Math.Min(segmented ? header.HeaderLength : 0UL, frameLength);
        header.BufferCount = 0;
        return null;
    }

    private static string? JudgeChecksum(in NetworkHeader header, ulong frameLength, NetworkOffloads allowed) =>
        (allowed & NetworkOffloads.Checksum) == 0 ? "a checksum was left undone and that was not negotiated"
        : header.ChecksumStart < ShortestFrame ? "a checksum starts inside the Ethernet header"
        : (ulong)(header.ChecksumStart + header.ChecksumOffset + 2) > frameLength ? "a checksum lies outside of its frame"
        : null;

    private static string? JudgeSegmentation(in NetworkHeader header, bool needsChecksum, NetworkOffloads allowed)
    {
        bool congestion = (header.Segmentation & SegmentationType.Congestion) != 0;
        NetworkOffloads wanted = (header.Segmentation & ~SegmentationType.Congestion) switch
        {
            SegmentationType.Tcp4 => NetworkOffloads.Tcp4,
            SegmentationType.Tcp6 => NetworkOffloads.Tcp6,
            SegmentationType.Udp when !congestion => NetworkOffloads.Udp,
            _ => NetworkOffloads.None,
        };
        return wanted == NetworkOffloads.None ? "a segmentation type is not known"
            : (allowed & wanted) == 0 ? "a segmentation type was not negotiated"
            : congestion && (allowed & NetworkOffloads.TcpCongestion) == 0 ? "segmentation with ECN was not negotiated"
            : !needsChecksum ? "a frame to be cut into segments has its checksum already"
            : header.SegmentSize == 0 ? "a segment size is zero"
            : null;
    }
}
