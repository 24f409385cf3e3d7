using Nacelle.Linux;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Listing;
using Nacelle.Translation.Memory;
using Nacelle.Translation.Runtime;
using Nacelle.Translation.State;

namespace Nacelle.Translation;

/// <summary>Translates bytes that belong to no guest, to show what they become.</summary>
public static unsafe class CodeListing
{
    private const int PageSize = 4096;
    private const int LongestInstruction = 15;

    /// <summary>Translates code from its first byte to its last, one block after the other.</summary>
    /// <param name="code">The code.</param>
    /// <param name="bitness">16 (real mode), 32 or 64.</param>
    /// <param name="address">Linear address of its first byte; below 4 GiB, with all of the code, unless it is 64-bit code.</param>
    /// <param name="user">Whether it runs at privilege level 3. Not for 16-bit code.</param>
    /// <exception cref="ArgumentException">The arguments contradict each other.</exception>
    /// <exception cref="PlatformNotSupportedException">The host's processor lacks what the translator emits; the message names it.</exception>
    public static IEnumerable<ListedBlock> Translate(byte[] code, int bitness, ulong address, bool user)
    {
        ArgumentNullException.ThrowIfNull(code);
        ExecutionMode mode = ModeOf(bitness, user);
        if (bitness != 64 && address + (ulong)code.Length - 1 > uint.MaxValue)
        {
            throw new ArgumentException($"{bitness}-bit code does not reach beyond 4 GiB", nameof(address));
        }

        if (HostProcessor.Missing is string missing)
        {
            throw new PlatformNotSupportedException($"the translator cannot run on this processor: it lacks {missing}");
        }

        return TranslateBlocks(code, address, mode);
    }

    private static IEnumerable<ListedBlock> TranslateBlocks(byte[] code, ulong address, ExecutionMode mode)
    {
        using Workshop workshop = new();
        int position = 0;
        while (position < code.Length)
        {
            ListedBlock block = workshop.Translate(code, position, address + (ulong)position, mode);
            yield return block;
            position += block.GuestLength;
        }
    }

    private static ExecutionMode ModeOf(int bitness, bool user)
    {
        // CR0.PE with flat segments, x87 and vectors on; bits as ExecutionMode has them.
        uint level = user ? 1u : 0;
        return bitness switch
        {
            64 when user => new ExecutionMode(0x84 | level).AtOnePlace,
            64 => new ExecutionMode(0x84 | level),
            32 => new ExecutionMode(0x88 | level),
            16 when !user => new ExecutionMode(0),
            16 => throw new ArgumentException("16-bit code is taken for real mode, which has no user level", nameof(user)),
            _ => throw new ArgumentException($"there is no {bitness}-bit code: it is 16, 32 or 64", nameof(bitness)),
        };
    }

    /// <summary>What a translation needs beside a guest. For one thread.</summary>
    private sealed class Workshop : IDisposable
    {
        // The context is reserved and emitted code names it; nothing of it runs.
        private readonly CodeMemory _memory = new(1 << 20);
        private readonly MemoryMapping _contextMapping = MemoryMapping.AnonymousLow(
            (ulong)(sizeof(TranslatorContext) + PageSize - 1) & ~(ulong)(PageSize - 1), MemoryProtection.Read | MemoryProtection.Write);

        private readonly DecodedBlock _decoded = new(InstructionSet.OfHost);
        private readonly CodeEmitter _emit;
        private readonly Thunks _thunks;
        private readonly AccessSites _sites;
        private readonly int _start;
        private int _number;

        public Workshop()
        {
            TranslatorContext* context = (TranslatorContext*)_contextMapping.Address;
            _emit = new CodeEmitter(_memory.Writable, _memory.Executable, (int)context);
            _thunks = new Thunks(_emit, context, missHandler: 0);
            _sites = new AccessSites();
            _start = _emit.Position;
        }

        public ListedBlock Translate(byte[] code, int position, ulong address, ExecutionMode mode)
        {
            // Each in an empty code memory, so that any amount of code can be shown.
            _emit.Position = _start;
            BlockTranslator translator = new(_emit, _thunks, new LinkTable(), _sites);
            int start = (int)(address & (PageSize - 1));
            int firstPage = PageSize - start;
            int available = Math.Min(code.Length - position, firstPage + LongestInstruction);

            // What follows the code is not known: HLT lets it look as if everything were still needed, the flags too.
            const byte halt = 0xF4;
            _decoded.Code.Page.Fill(halt);
            code.AsSpan(position, available).CopyTo(_decoded.Code.Page[start..]);
            _decoded.Decode(address, mode, start, Math.Min(available, firstPage));
            if (_decoded.Count == 1 && _decoded.Instructions[0].IsInvalid && available > firstPage)
            {
                // The first instruction runs on into the next page.
                _decoded.Decode(address, mode, start, available, 1);
            }

            Block block = translator.Translate(
                _decoded, _number++, address, address, ulong.MaxValue, mode, grouped: true, changing: null);
            HostNames names = new((ulong)_contextMapping.Address);
            names.Add(_thunks);
            foreach ((ulong routine, string name) in translator.Routines)
            {
                names.Add(routine, name);
            }

            return new BlockLister(names).Describe(block, code.AsSpan(position, _decoded.Length), virtualCpu: null);
        }

        public void Dispose()
        {
            _memory.Dispose();
            _contextMapping.Dispose();
        }
    }
}
