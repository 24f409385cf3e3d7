using System.Globalization;
using Iced.Intel;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Listing;

/// <summary>Names for what host instructions refer to: words of the context, shared routines, other blocks. For one thread.</summary>
/// <param name="context">Address of the vCPU's context.</param>
internal sealed unsafe class HostNames(ulong context) : ISymbolResolver
{
    private readonly Dictionary<ulong, string> _targets = [];

    /// <summary>Names the vCPU's thunks.</summary>
    public void Add(Thunks thunks)
    {
        foreach ((ulong address, string name) in (ReadOnlySpan<(ulong, string)>)
        [
            (thunks.Exit, nameof(Thunks.Exit)),
            (thunks.Miss, nameof(Thunks.Miss)),
            (thunks.RestoreExtendedState, nameof(Thunks.RestoreExtendedState)),
            (thunks.Link, nameof(Thunks.Link)),
            (thunks.Operation, nameof(Thunks.Operation)),
            (thunks.Repeated, nameof(Thunks.Repeated)),
            (thunks.Attention, nameof(Thunks.Attention)),
            (thunks.Stale, nameof(Thunks.Stale)),
            (thunks.Roaming, nameof(Thunks.Roaming)),
            (thunks.HostFault, nameof(Thunks.HostFault)),
            (thunks.LookupMiss, nameof(Thunks.LookupMiss)),
            (thunks.LookupAttention, nameof(Thunks.LookupAttention)),
            (thunks.ReturnLookup, nameof(Thunks.ReturnLookup)),
            (thunks.ReturnMiss, nameof(Thunks.ReturnMiss)),
            (thunks.AfterCrossing, nameof(Thunks.AfterCrossing)),
            (thunks.SystemCall, nameof(Thunks.SystemCall)),
            (thunks.SystemReturn, nameof(Thunks.SystemReturn)),
        ])
        {
            _targets[address] = name;
        }

        for (int tlb = 0; tlb < TranslatorContext.TlbCount; tlb++)
        {
            _targets[thunks.Lookup[tlb]] = $"{nameof(Thunks.Lookup)}.{ContextNames.OfTlb(tlb)}";
            AddHalves(thunks.BeforeCrossing, nameof(Thunks.BeforeCrossing), tlb);
            AddHalves(thunks.Find, nameof(Thunks.Find), tlb);
            AddHalves(thunks.FindHashed, nameof(Thunks.FindHashed), tlb);
        }
    }

    /// <summary>Names a shared routine.</summary>
    public void Add(ulong address, string name) => _targets[address] = name;

    /// <summary>Names a block by its guest address.</summary>
    public void Add(Block block)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"Block.0x{block.Rip:x}");
        _targets[block.HostCode] = name;
        _targets[block.LiveCode] = name;
    }

    private void AddHalves(ulong[] thunks, string name, int tlb)
    {
        _targets[thunks[tlb * 2]] = $"{name}.{ContextNames.OfTlb(tlb)}.Read";
        _targets[thunks[(tlb * 2) + 1]] = $"{name}.{ContextNames.OfTlb(tlb)}.Write";
    }

    /// <inheritdoc/>
    public bool TryGetSymbol(
        in Instruction instruction, int operand, int instructionOperand, ulong address, int addressSize, out SymbolResult symbol)
    {
        symbol = default;
        OpKind kind = instructionOperand < 0 ? OpKind.Register : instruction.GetOpKind(instructionOperand);
        if (kind == OpKind.NearBranch64)
        {
            if (!_targets.TryGetValue(address, out string? target))
            {
                return false;
            }

            symbol = new SymbolResult(address, target);
            return true;
        }

        // With a base register the displacement is the guest's own.
        if (kind != OpKind.Memory || instruction.MemoryBase != Register.None || address - context >= (ulong)sizeof(TranslatorContext))
        {
            return false;
        }

        int offset = (int)(address - context);
        symbol = ContextNames.Find(offset, out int start) is string name
            ? new SymbolResult(context + (ulong)start, name)
            : new SymbolResult(context, nameof(TranslatorContext));
        return true;
    }
}
