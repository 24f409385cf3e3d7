using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>Keeps the tables by which indirect branches find translated code: one for each soft TLB's mode. Owned by the vCPU's thread.</summary>
internal sealed unsafe class JumpTable
{
    private readonly TranslatorContext* _context;
    private readonly ulong _miss;
    private readonly HashSet<ulong>[] _pages = [[], [], []];

    /// <param name="context">Where the tables are.</param>
    /// <param name="miss">Host code that an empty entry leads to.</param>
    public JumpTable(TranslatorContext* context, ulong miss)
    {
        _context = context;
        _miss = miss;
        for (int table = 0; table < 3; table++)
        {
            new Span<ulong>(Part(table, 1), TranslatorContext.JumpEntries).Fill(miss);
        }
    }

    /// <summary>Enters a block.</summary>
    public void Set(int table, ulong rip, ulong hostCode)
    {
        int index = (int)rip & (TranslatorContext.JumpEntries - 1);
        Part(table, 0)[index] = 0UL - rip;
        Part(table, 1)[index] = hostCode;
        _pages[table].Add(rip >> 12);
    }

    /// <summary>Forgets a table.</summary>
    public void Clear(int table)
    {
        if (_pages[table].Count == 0)
        {
            return;
        }

        new Span<ulong>(Part(table, 1), TranslatorContext.JumpEntries).Fill(_miss);
        _pages[table].Clear();
    }

    /// <summary>Forgets all tables.</summary>
    public void ClearAll()
    {
        for (int table = 0; table < 3; table++)
        {
            Clear(table);
        }
    }

    /// <summary>Forgets what lies at a page of linear addresses.</summary>
    public void ClearPage(ulong address)
    {
        for (int table = 0; table < 3; table++)
        {
            if (_pages[table].Contains(address >> 12))
            {
                Clear(table);
            }
        }
    }

    private ulong* Part(int table, int part) => _context->Jumps + (((table * 2) + part) * TranslatorContext.JumpEntries);
}
