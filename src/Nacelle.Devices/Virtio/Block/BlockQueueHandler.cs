using System.Runtime.InteropServices;
using Nacelle.Block;
using Nacelle.Linux;

namespace Nacelle.Devices.Virtio.Block;

/// <summary>Takes requests from one virtqueue to the block node and their ends back.</summary>
/// <remarks>Owned by the disk's loop.</remarks>
internal sealed unsafe class BlockQueueHandler : IBlockCompletion
{
    private readonly EventLoop _loop;
    private readonly IBlockNode _node;
    private readonly BlockMetrics _metrics;
    private readonly byte[] _identity;
    private readonly Stack<DiskRequest> _pool = new();
    private readonly Action _continue;
    private Virtqueue? _queue;
    private BlockLimits _limits;
    private bool _popping;
    private bool _continues;

    public BlockQueueHandler(EventLoop loop, IBlockNode node, BlockMetrics metrics, byte[] identity)
    {
        _loop = loop;
        _node = node;
        _metrics = metrics;
        _identity = identity;
        _continue = () =>
        {
            _continues = false;
            Process();
        };
    }

    public void Activate(Virtqueue? queue, in BlockLimits limits)
    {
        _limits = limits;
        _queue = queue;
    }

    /// <summary>Lets go of the queue: requests that end later are dropped.</summary>
    public void Deactivate() => _queue = null;

    public void Process()
    {
        if (_queue is not { } queue)
        {
            return;
        }

        // Requests that end at once free their descriptors at once; a turn is bounded so that a guest that feeds such
        // requests without end cannot keep the loop from its other descriptors.
        int budget = queue.Size;
        _popping = true;
        do
        {
            queue.DisableNotifications();
            while (budget > 0 && TryTake(queue))
            {
                budget--;
            }
        }
        while (budget > 0 && queue.EnableNotifications());

        _popping = false;
        _node.Submit();
        queue.NotifyIfNeeded();
        if (budget == 0 && !_continues)
        {
            _continues = true;
            _loop.Post(_continue);
        }
    }

    public void Release()
    {
        while (_pool.TryPop(out DiskRequest? request))
        {
            request.Dispose();
        }
    }

    void IBlockCompletion.Completed(BlockRequest request, int error)
    {
        DiskRequest disk = (DiskRequest)request.Context!;
        if (error == 0 && disk.NextRange < disk.RangeCount && _queue is not null)
        {
            StartRange(disk);
            if (!_popping)
            {
                _node.Submit();
            }

            return;
        }

        Finish(disk, error == 0 ? BlockStatus.Ok : BlockStatus.IoError);
    }

    private bool TryTake(Virtqueue queue)
    {
        DiskRequest request = _pool.TryPop(out DiskRequest? pooled) ? pooled : new DiskRequest(this);
        if (!queue.TryPop(request.Chain))
        {
            _pool.Push(request);
            return false;
        }

        DescriptorChain chain = request.Chain;
        string? rule = BlockRequestParser.Framing(chain.ReadableLength, chain.WritableLength);
        if (!chain.TryReadHeader(out BlockHeader header) || rule is not null)
        {
            queue.Break(rule ?? "a block request has no whole header");
            _pool.Push(request);
            return false;
        }

        Start(request, header);
        return true;
    }

    private void Start(DiskRequest request, in BlockHeader header)
    {
        DescriptorChain chain = request.Chain;
        BlockPlan plan = BlockRequestParser.Parse(header, chain.ReadableLength, chain.WritableLength, _limits);
        request.Type = header.Type;
        request.DataLength = plan.DataLength;
        request.RangeCount = 0;
        request.NextRange = 0;
        if (plan.Status != BlockStatus.Ok)
        {
            Finish(request, plan.Status);
            return;
        }

        switch (header.Type)
        {
            case BlockRequestType.Read:
                request.Host.Reset(BlockOperation.Read, plan.Offset);
                StartTransfer(request, chain.Writable, 0);
                break;
            case BlockRequestType.Write:
                request.Host.Reset(BlockOperation.Write, plan.Offset);
                StartTransfer(request, chain.Readable, BlockHeader.Size);
                break;
            case BlockRequestType.Flush:
                request.Host.Reset(BlockOperation.Flush, 0);
                _node.Start(request.Host);
                break;
            case BlockRequestType.GetIdentity:
                chain.CopyIn(0, _identity);
                Finish(request, BlockStatus.Ok);
                break;
            default:
                StartRanges(request);
                break;
        }
    }

    private void StartTransfer(DiskRequest request, ReadOnlySpan<GuestSegment> segments, ulong skip)
    {
        ulong left = request.DataLength;
        foreach (ref readonly GuestSegment segment in segments)
        {
            if (skip >= segment.Length)
            {
                skip -= segment.Length;
                continue;
            }

            ulong part = Math.Min(segment.Length - skip, left);
            if (part == 0)
            {
                break;
            }

            // A chain has no more segments than a request can: DescriptorChain.MaximumSegments.
            _ = request.Host.TryAddSegment(segment.Pointer + skip, (nuint)part);
            left -= part;
            skip = 0;
        }

        _node.Start(request.Host);
    }

    private void StartRanges(DiskRequest request)
    {
        int count = (int)(request.DataLength / BlockRange.Size);
        Span<BlockRange> ranges = request.Ranges.AsSpan(0, count);
        request.Chain.CopyOut(BlockHeader.Size, MemoryMarshal.AsBytes(ranges));

        // All are judged before the first is done, so that a refused request has changed nothing.
        foreach (ref readonly BlockRange range in ranges)
        {
            BlockStatus status = BlockRequestParser.Check(range, request.Type, _limits);
            if (status != BlockStatus.Ok)
            {
                Finish(request, status);
                return;
            }
        }

        request.RangeCount = count;
        StartRange(request);
    }

    private void StartRange(DiskRequest request)
    {
        ref readonly BlockRange range = ref request.Ranges[request.NextRange++];
        request.Host.Reset(
            request.Type == BlockRequestType.Discard ? BlockOperation.Discard : BlockOperation.WriteZeroes,
            (long)range.Sector * BlockRequestParser.SectorSize,
            (long)range.SectorCount * BlockRequestParser.SectorSize,
            (range.Flags & BlockRange.UnmapFlag) != 0);
        _node.Start(request.Host);
    }

    private void Finish(DiskRequest request, BlockStatus status)
    {
        if (_queue is { } queue)
        {
            DescriptorChain chain = request.Chain;
            chain.CopyIn(chain.WritableLength - 1, [(byte)status]);
            _metrics.Count(request.Type, status, request.DataLength);
            queue.Push(chain, (uint)Math.Min(chain.WritableLength, uint.MaxValue));
            if (!_popping)
            {
                queue.NotifyIfNeeded();
            }
        }

        _pool.Push(request);
    }
}
