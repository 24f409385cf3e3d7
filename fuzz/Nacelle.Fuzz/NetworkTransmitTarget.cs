using System.Runtime.InteropServices;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Network;

namespace Nacelle.Fuzz;

/// <summary>Lets the input be a header before a frame, its length and what was negotiated.</summary>
internal static class NetworkTransmitTarget
{
    private const int InputSize = NetworkHeader.Size + sizeof(uint) + 1;

    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">A header passed that points outside of its frame or uses what was not negotiated.</exception>
    public static void Run(ReadOnlySpan<byte> input)
    {
        if (input.Length < InputSize)
        {
            return;
        }

        NetworkHeader header = MemoryMarshal.Read<NetworkHeader>(input);
        ulong length = MemoryMarshal.Read<uint>(input[NetworkHeader.Size..]) % 0x20000;
        NetworkOffloads allowed = (NetworkOffloads)(input[InputSize - 1] & 31);
        if (TransmitHeaderParser.Judge(ref header, length, allowed) is not null)
        {
            return;
        }

        bool checksum = header.Flags == NetworkHeader.NeedsChecksumFlag;
        bool segmented = header.Segmentation != SegmentationType.None;
        bool sound = (checksum || header.Flags == 0)
            && header.HeaderLength <= length
            && (!checksum || ((allowed & NetworkOffloads.Checksum) != 0 && (ulong)(header.ChecksumStart + header.ChecksumOffset + 2) <= length))
            && (!segmented || (checksum && header.SegmentSize > 0 && allowed > NetworkOffloads.Checksum));
        if (!sound)
        {
            throw new InvalidOperationException(
                $"passed: flags {header.Flags}, type {header.Segmentation}, checksum {header.ChecksumStart}+{header.ChecksumOffset}, length {length}, allowed {allowed}");
        }
    }
}
