namespace Nacelle.Translation.Memory;

/// <summary>
/// Where large pages have been entered into tables that hold pages of 4 KiB. INVLPG forgets all of such a page (SDM volume 3, 4.10.4.1),
/// which for those tables is many. Owned by the vCPU's thread.
/// </summary>
internal sealed class LargePages
{
    private const int LargeShift = 21;
    private const int HugeShift = 30;

    // A guest that maps more than this is not kept account of page by page.
    private const int Most = 1 << 16;
    private readonly HashSet<ulong> _local = [];
    private readonly HashSet<ulong> _global = [];

    /// <summary>Notes the page that an address lies in; nothing where it is one of 4 KiB.</summary>
    public void Note(ulong address, in PageWalk walk)
    {
        if (walk.PageSize == 4096)
        {
            return;
        }

        HashSet<ulong> pages = walk.IsGlobal ? _global : _local;
        if (walk.PageSize >= 1UL << HugeShift)
        {
            Add(pages, Huge(address));
            return;
        }

        // Pages of 4 MiB are two.
        Add(pages, Large(address));
        if (walk.PageSize > 1UL << LargeShift)
        {
            Add(pages, Large(address ^ (1UL << LargeShift)));
        }
    }

    /// <summary>Whether an address may lie in one.</summary>
    public bool Contains(ulong address) => Contains(_local, address) || Contains(_global, address);

    /// <summary>Nothing is in the tables any more.</summary>
    public void Clear()
    {
        _local.Clear();
        _global.Clear();
    }

    /// <summary>Nothing that belongs to one address space is.</summary>
    public void ClearNonGlobal() => _local.Clear();

    private static bool Contains(HashSet<ulong> pages, ulong address) => pages.Count != 0
        && (pages.Count >= Most || pages.Contains(Large(address)) || pages.Contains(Huge(address)));

    private static void Add(HashSet<ulong> pages, ulong page)
    {
        if (pages.Count < Most)
        {
            pages.Add(page);
        }
    }

    // The size is in the low bits, which numbers of pages leave free.
    private static ulong Large(ulong address) => (address >> LargeShift << LargeShift) | LargeShift;

    private static ulong Huge(ulong address) => (address >> HugeShift << HugeShift) | HugeShift;
}
