using Iced.Intel;
using Nacelle.Memory;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;

namespace Nacelle.Translation.Tests;

/// <summary>The code cache by itself, with blocks that are only space and jumps.</summary>
public sealed unsafe class BlockCacheTests : IDisposable, ICodeWatcher
{
    private const int Regions = 4;
    private const ulong Page = 0x4000;
    private readonly CodeMemory _code = new(CodeMemory.LargestBlock * Regions);
    private readonly GuestMemory _ram = new([(0, 1 << 20)]);
    private readonly LinkTable _links = new();
    private readonly CodeEmitter _emit;
    private readonly CodeRegions _regions;
    private readonly CodeWatch _watch;
    private readonly BlockCache _blocks;
    private readonly UnseenWrites _unseenWrites;

    public BlockCacheTests()
    {
        _emit = new CodeEmitter(_code.Writable, _code.Executable, context: 0);
        _regions = new CodeRegions(_emit, _code.Size);
        _watch = new CodeWatch(_ram);
        _unseenWrites = _watch.CreateUnseenWrites();
        _watch.Add(this);
        _blocks = new BlockCache(_emit, _links, _regions, _watch);
    }

    public void Dispose()
    {
        _watch.Dispose();
        _code.Dispose();
        _ram.Dispose();
    }

    UnseenWrites ICodeWatcher.UnseenWrites => _unseenWrites;

    void ICodeWatcher.ProtectNow(ulong page)
    {
    }

    bool ICodeWatcher.IsParked => true;

    void ICodeWatcher.RequestProtection(ulong page, bool counted)
    {
    }

    bool ICodeWatcher.MayBeWriting(ulong page) => false;

    void ICodeWatcher.RequestInvalidation(ulong page, ulong chunks)
    {
    }

    [Fact]
    public void Regions_are_filled_and_evicted_in_turn()
    {
        const int size = 1000;
        const int rounds = 3;
        List<Block> blocks = [];
        List<CodeRegion> evicted = [];
        ulong end = _emit.AddressOf(_code.Size);

        // Regions are no larger than a block may be here, so that none begins in the last one and still fits.
        while (evicted.Count < (Regions - 1) * rounds)
        {
            while (_regions.MakeRoom() is CodeRegion region)
            {
                evicted.Add(region);
                foreach (Block gone in region.Blocks)
                {
                    Assert.True(gone.IsValid);
                }

                _blocks.Evict(region);
                Assert.Empty(region.Blocks);
            }

            Block block = Add(size, (ulong)blocks.Count % 64 * 64);
            Assert.All(blocks.Where(other => other.IsValid), other => Assert.True(
                block.LookupCode >= other.HostCode + size || block.HostCode + size <= other.LookupCode));
            Assert.True(block.HostCode + size <= end);
            blocks.Add(block);
            Assert.Equal(blocks.Count(other => other.IsValid), _blocks.Count);
        }

        Assert.Equal(Enumerable.Range(0, evicted.Count).Select(i => _regions.All[i % (Regions - 1)].Start), evicted.Select(region => region.Start));
        Assert.InRange(_blocks.Capacity, 1, _code.Size / size);
        foreach (Block block in blocks.Where(block => block.IsValid))
        {
            Assert.Same(block, _regions.Find(block.HostCode));
            Assert.Same(block, _regions.Find(block.HostCode + size - 1));
            Assert.Same(block, _blocks[block.Number]);
        }
    }

    [Fact]
    public void A_link_in_code_that_reaches_into_an_evicted_region_goes_to_its_stub_again()
    {
        int first = 0;
        Block reaching = Add(CodeMemory.LargestBlock - 16, 0);
        Assert.Same(_regions.All[0].Blocks[0], reaching);
        Block source = AddWith(Page + 64, () =>
        {
            _emit.Position += 32;
            first = AddLink();
        });
        Assert.Equal([reaching, source], _regions.All[0].Blocks);
        Block target = AddWith(Page + 128, () => AddLink());
        Assert.Equal([target], _regions.All[1].Blocks);
        _blocks.Connect(first, target);
        Assert.Equal(target.HostCode, TargetOf(first));
        _blocks.Evict(_regions.All[1]);
        Assert.Equal(_links[first].Stub, TargetOf(first));
        Assert.True(source.IsValid);
        Assert.False(target.IsValid);
    }

    [Fact]
    public void Links_to_and_from_what_goes_are_forgotten_and_their_numbers_used_again()
    {
        int forth = 0;
        int back = 0;
        int self = 0;
        Block left = AddWith(Page, () =>
        {
            forth = AddLink();
            self = AddLink();
        });
        Add(CodeMemory.LargestBlock, Page + 256);
        Block right = AddWith(Page + 512, () => back = AddLink());
        _blocks.Connect(forth, right);
        _blocks.Connect(back, left);
        _blocks.Connect(self, left);
        Assert.Equal(3, _links.Count);
        _blocks.Evict(_regions.All[0]);
        Assert.Equal(1, _links.Count);
        Assert.Equal(LinkTable.None, right.FirstIncoming);
        Assert.Equal(_links[back].Stub, TargetOf(back));
        AddWith(Page, () =>
        {
            AddLink();
            AddLink();
        });
        Assert.Equal(3, _links.Count);
        Assert.Equal(3, _links.Capacity);
        Assert.Equal(3, _blocks.Capacity);
    }

    [Fact]
    public void A_dropped_block_is_unlinked_at_once_and_the_others_stay_linked()
    {
        int[] links = new int[3];
        AddWith(Page, () =>
        {
            for (int i = 0; i < links.Length; i++)
            {
                links[i] = AddLink();
            }
        });
        Block other = Add(64, Page + 256);
        Block target = Add(64, Page + 512);
        _blocks.Connect(links[0], target);
        _blocks.Connect(links[1], other);
        _blocks.Connect(links[2], target);
        _blocks.Remove(target);
        Assert.Equal(_links[links[0]].Stub, TargetOf(links[0]));
        Assert.Equal(other.HostCode, TargetOf(links[1]));
        Assert.Equal(_links[links[2]].Stub, TargetOf(links[2]));

        // Its code is still there, should an exception have come from it.
        Assert.Same(target, _regions.Find(target.HostCode));
    }

    [Fact]
    public void Pages_are_watched_while_some_vcpu_has_blocks_of_them()
    {
        BlockCache second = new(_emit, new LinkTable(), _regions, _watch);
        Block block = Add(64, Page);
        second.Watch(Page, 1, this);
        second.Unwatch();
        Assert.True(_watch.Overlaps(Page, 4096));
        Block later = Add(64, Page + 128);
        Assert.True(_watch.Overlaps(Page, 64));
        _blocks.Remove(block);
        Assert.False(_watch.Overlaps(Page, 64));
        Assert.True(_watch.Overlaps(Page + 128, 64));
        second.Watch(Page, 1, this);
        _blocks.Remove(later);
        Assert.True(_watch.Overlaps(Page, 4096));
        second.Clear();
        Assert.False(_watch.Overlaps(Page, 4096));
        Assert.Equal(0, _blocks.Pages);
    }

    [Fact]
    public void A_vcpu_that_leaves_a_page_does_not_end_the_watch_of_another()
    {
        BlockCache second = new(_emit, new LinkTable(), _regions, _watch);
        Block block = Add(64, Page);
        second.Watch(Page, 2, this);
        _blocks.Remove(block);
        Assert.True(_watch.Overlaps(Page + 64, 64));
        Add(64, Page);
        second.Unwatch();
        Assert.True(_watch.Overlaps(Page, 64));
    }

    [Fact]
    public void Everything_can_be_given_up()
    {
        for (int i = 0; i < 100; i++)
        {
            int link = 0;
            Block block = AddWith(Page + ((ulong)i * 64 % 4096), () => link = AddLink());
            _blocks.Connect(link, block);
        }

        _blocks.Clear();
        Assert.Equal((0, 0, 0), (_blocks.Count, _blocks.Pages, _links.Count));
        Assert.False(_watch.Overlaps(Page, 4096));
        Assert.Equal(0, _emit.Position);
        Assert.Null(_regions.Find(_emit.AddressOf(0)));
        Assert.Null(_regions.MakeRoom());
    }

    private Block Add(int size, ulong address) => AddWith(address, () => _emit.Position += size);

    private Block AddWith(ulong address, Action emit)
    {
        _blocks.Watch(address & ~0xFFFUL, CodeWatch.Mask(address, 4), this);
        ulong start = _emit.Address;
        emit();
        Block block = new()
        {
            Number = _blocks.NextNumber,
            PhysicalAddress = address,
            SecondPage = ulong.MaxValue,
            Rip = address,
            Length = 4,
            Mode = default,
            LookupCode = start,
            HostCode = start,
            LiveCode = start,
            LookedAt = 0,
            InlineLength = 0,
            HostLength = (int)(_emit.Address - start),
            Operation = default(Instruction),
            Map = [],
            Repeated = [],
        };
        _blocks.Add(block);
        return block;
    }

    private int AddLink()
    {
        int displacement = _emit.Jump();
        ulong stub = _emit.Address;
        _emit.Patch(displacement, stub);
        return _links.Add(new Link(displacement, stub, 0, IsStateLive: false, IsUngrouped: false, IsRelative: false));
    }

    private ulong TargetOf(int link)
    {
        int displacement = _links[link].Displacement;
        return _emit.AddressOf(displacement + 4) + (ulong)*(int*)(_code.Writable + displacement);
    }
}
