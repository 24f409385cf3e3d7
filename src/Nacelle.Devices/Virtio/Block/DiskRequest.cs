using Nacelle.Block;

namespace Nacelle.Devices.Virtio.Block;

/// <summary>A request of the guest on its way through the host; reused from a pool.</summary>
/// <remarks>Owned by the loop of its queue handler.</remarks>
internal sealed class DiskRequest : IDisposable
{
    public DiskRequest(IBlockCompletion completion)
    {
        Host = new BlockRequest { Completion = completion, Context = this };
    }

    public DescriptorChain Chain { get; } = new();

    public BlockRequest Host { get; }

    public BlockRequestType Type { get; set; }

    public ulong DataLength { get; set; }

    /// <summary>Ranges of a discard or zeroing, copied out of guest memory and checked.</summary>
    public BlockRange[] Ranges { get; } = new BlockRange[BlockRequestParser.MaximumRanges];

    public int RangeCount { get; set; }

    public int NextRange { get; set; }

    public void Dispose() => Host.Dispose();
}
