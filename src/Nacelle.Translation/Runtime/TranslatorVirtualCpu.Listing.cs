using Nacelle.Translation.Cache;
using Nacelle.Translation.Listing;

namespace Nacelle.Translation.Runtime;

/// <content>What is translated, as text.</content>
internal sealed unsafe partial class TranslatorVirtualCpu
{
    /// <summary>Describes the blocks that touch a range of linear addresses, by address. While the vCPU does not run.</summary>
    /// <param name="first">First address.</param>
    /// <param name="last">Last address.</param>
    public IEnumerable<ListedBlock> ListBlocks(ulong first, ulong last)
    {
        // Requests that nobody has looked at yet would leave blocks whose guest code is another by now.
        DropChangedCode();
        HostNames names = new((ulong)_context);
        names.Add(_thunks);
        foreach ((ulong routine, string name) in _translator.Routines)
        {
            names.Add(routine, name);
        }

        List<Block> blocks = [.. _blocks.All];
        blocks.ForEach(names.Add);
        BlockLister lister = new(names);
        return blocks
            .Where(block => block.Rip <= last && block.Rip + (ulong)block.Length - 1 >= first)
            .OrderBy(block => block.Rip).ThenBy(block => block.Mode.Bits)
            .Select(block => lister.Describe(block, GuestCode(block), Index));
    }

    /// <summary>What a block was translated from; it is still there, or the block would have been dropped.</summary>
    private byte[] GuestCode(Block block)
    {
        if (block.Changing is { } changing)
        {
            return changing.Bytes;
        }

        byte[] code = new byte[block.Length];
        int inFirst = (int)Math.Min((ulong)block.Length, 4096 - (block.PhysicalAddress & 0xFFF));
        _memory.TryReadCode(block.PhysicalAddress, code.AsSpan(0, inFirst));
        if (inFirst < code.Length)
        {
            _memory.TryReadCode(block.SecondPage, code.AsSpan(inFirst));
        }

        return code;
    }
}
