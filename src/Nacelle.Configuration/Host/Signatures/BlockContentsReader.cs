using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>
/// Recognises what is on a block device by the labels that hosts look for. Reads some hundred kilobytes at fixed places, whatever stands
/// there; the bytes may be anybody's. Stateless.
/// </summary>
public static class BlockContentsReader
{
    private delegate HostBlockSignature? Recogniser(IBlockBytes device);

    private static readonly Recogniser[] s_recognisers =
    [
        FileSystemSignatures.Ext, FileSystemSignatures.Xfs, FileSystemSignatures.Btrfs, FileSystemSignatures.BootSector,
        FileSystemSignatures.Iso9660, FileSystemSignatures.F2fs, FileSystemSignatures.Gfs2, FileSystemSignatures.Ocfs2, FileSystemSignatures.Squash,
        VolumeSignatures.Swap, VolumeSignatures.Luks, VolumeSignatures.Bcache, PhysicalVolumeSignature.Read,
        RaidSignatures.Version0, RaidSignatures.Version10, RaidSignatures.Version11, RaidSignatures.Version12,
        ZfsSignature.Read,
    ];

    /// <summary>Recognises all that is on a device.</summary>
    /// <returns>Unreadable where the first sector cannot be read.</returns>
    public static HostBlockContents Read(IBlockBytes device)
    {
        ArgumentNullException.ThrowIfNull(device);
        Span<byte> first = stackalloc byte[512];
        if (device.Length < 512)
        {
            return device.Length == 0 ? HostBlockContents.Unknown("no medium") : HostBlockContents.Nothing;
        }

        if (!device.TryRead(0, first))
        {
            return HostBlockContents.Unknown("the first sector cannot be read");
        }

        ImmutableArray<HostBlockSignature>.Builder found = ImmutableArray.CreateBuilder<HostBlockSignature>();
        foreach (Recogniser recogniser in s_recognisers)
        {
            if (recogniser(device) is { } signature)
            {
                found.Add(signature);
            }
        }

        found.Sort((left, right) => left.Offset.CompareTo(right.Offset));
        return new HostBlockContents
        {
            NotReadable = null,
            Signatures = found.ToImmutable(),
            PartitionTable = PartitionTableReader.Read(device),
        };
    }
}
