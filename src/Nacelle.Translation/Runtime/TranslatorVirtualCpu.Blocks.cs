using System.Diagnostics;
using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Frontend;

namespace Nacelle.Translation.Runtime;

/// <content>The block at RIP: found, translated, or dropped because its code has changed.</content>
internal sealed unsafe partial class TranslatorVirtualCpu
{
    private const int LongestInstruction = 15;
    private const int MostCodeRequests = 4096;
    private const uint ConflictPatience = 4096;

    // Translating a block anew takes some 20 µs, and is to pay by the time that as many conflicts have been counted again.
    private static readonly TimeSpan s_conflictsSoon = TimeSpan.FromMicroseconds(ConflictPatience * 0.1);
    private long _conflictsSince;
    private bool _decodedChanging;

    // What the block to be translated next was translated from before.
    private ChangingCode? _stale;

    // Where the next block is to make its accesses one by one.
    private ulong? _ungrouped;

    private void DropStale(Block block)
    {
        _stale = block.Changing;
        Drop(block);
    }

    private void Drop(Block block)
    {
        _blocks.Remove(block);
        _jumps.Remove(block);
        _pendingLink = -1;
    }

    /// <summary>Lets a block be translated anew where one of its accesses goes from page to page.</summary>
    private void NoteRoaming(Block block, int site)
    {
        if (_memory.TryTranslateCode(LinearRip, out ulong physical) && _sites.Roams(site, physical))
        {
            Drop(block);
        }
    }

    /// <summary>
    /// Looks at one of many accesses that did not find their page where the low bits of its number select. While they are frequent, the
    /// one that is counted last is likely to be one that displaces others; its block is dropped at the next poll and its access
    /// then looks into the other place.
    /// </summary>
    internal void NoteConflict()
    {
        _context->ConflictsLeft = ConflictPatience;
        long now = Stopwatch.GetTimestamp();
        bool soon = Stopwatch.GetElapsedTime(_conflictsSince, now) < s_conflictsSoon;
        _conflictsSince = now;
        if (soon && _memory.TryTranslateCode(LinearRip, out ulong physical) && _sites.Conflicts(physical))
        {
            _counters.ConflictingAccesses++;
            _codeRequests.Enqueue(new CodeRequest(physical & ~0xFFFUL, CodeWatch.Mask(physical, 1), false));
            StopTranslatedCode();
        }
    }

    /// <summary>Requests about code that wait to be seen to; from any thread.</summary>
    internal int WaitingCodeRequests => _codeRequests.Count;

    private void DropChangedCode()
    {
        if (_forgetsCode)
        {
            // Whatever the requests that were not kept asked for is in this.
            _forgetsCode = false;
            Interlocked.MemoryBarrier();
            FlushCode();
            _memory.ProtectAll(page => _watch.Changed(page, 4096));
        }

        while (_codeRequests.TryDequeue(out CodeRequest request))
        {
            _counters.CodeChanges++;
            if (request.Chunks == 0)
            {
                bool wrote = _memory.EndWritingTo(request.Page);
                if (_memory.Protect(request.Page) || wrote)
                {
                    // It may have been written unseen between the other vCPU's translation and now.
                    _watch.Changed(request.Page, 4096);
                }

                if (request.Counted)
                {
                    _watch.Settled(request.Page);
                }
            }
            else if (_blocks.Invalidate(request.Page, request.Chunks, _jumps.Remove))
            {
                _pendingLink = -1;
            }
        }
    }

    private Block? FindBlock()
    {
        ulong rip = _context->Registers.Rip;
        ExecutionMode mode = _memory.Mode;
        ulong linear = LinearRip;
        if (!IsInsideCode(rip) || !_memory.TryTranslateCode(linear, out ulong physical, out bool global))
        {
            return null;
        }

        // A group that turns out not to be one leaves before its first access, which is no step.
        bool grouped = _ungrouped != rip && _debug is null;
        _ungrouped = null;
        ExecutionMode key = mode.MayMove ? PlaceCode(rip, physical) : mode;
        Block? block = _blocks.Find(physical, grouped ? key : key.WithoutGroups);
        if (block is null || (!key.IsRelative && block.Rip != rip) || block.CodeLimit != CodeLimit
            || (block.SecondPage != ulong.MaxValue && !IsStillThere(block, linear)))
        {
            ulong start = _clock is null ? 0 : HostTimestamp.Read();
            block = TranslateBlock(rip, physical, key, grouped);
            _clock?.AddTranslation(start);
        }
        else
        {
            _counters.BlocksFound++;
        }

        if (block is null)
        {
            return null;
        }

        bool crossing = block.SecondPage != ulong.MaxValue;
        if (crossing)
        {
            _pendingLink = -1;
        }

        if ((_debug is null ? grouped : !_debug.IsOneInstruction) && !mode.IsSingleStep)
        {
            // Where the next page is not global, neither is what runs on into it.
            bool stays = global && (!crossing || (_memory.TryTranslateCode((linear | 0xFFF) + 1, out _, out bool nextGlobal) && nextGlobal));
            _jumps.Set(mode, rip + _context->CodeSegmentKey, block.LookupCode, stays, crossing);
        }

        return block;
    }

    /// <summary>
    /// Whether user code is translated for the one address at which its page has been run so far, or for all, because it has been
    /// run at another: a library is translated once more for the second process, and not again for others.
    /// </summary>
    private ExecutionMode PlaceCode(ulong rip, ulong physical)
    {
        if (_blocks.IsShared(physical))
        {
            return _memory.Mode;
        }

        if (_blocks.TryPlace(physical, rip))
        {
            return _memory.Mode.AtOnePlace;
        }

        _blocks.Share(physical, _jumps.Remove);
        _pendingLink = -1;
        return _memory.Mode;
    }

    /// <summary>Limit of CS where it counts, else all ones.</summary>
    private uint CodeLimit => _memory.Mode.IsCodeLimited ? _context->Registers.Cs.Limit : uint.MaxValue;

    /// <summary>Whether code may be fetched from an offset: what lies beyond the limit of CS raises #GP (SDM volume 3, 5.3).</summary>
    private bool IsInsideCode(ulong rip)
    {
        if (!_memory.Mode.IsCodeLimited || rip <= _context->Registers.Cs.Limit)
        {
            return true;
        }

        _memory.PendingFault = Fault.GeneralProtectionFault();
        return false;
    }

    /// <summary>An instruction of a block with its addresses as they are where it runs now.</summary>
    private Instruction AtRip(in Instruction instruction)
    {
        Instruction moved = instruction;
        ulong distance = _context->Registers.Rip - instruction.IP;
        if (distance == 0 || !_memory.Mode.IsRelative)
        {
            return moved;
        }

        moved.NextIP = instruction.NextIP + distance;
        if (instruction.IsIPRelativeMemoryOperand)
        {
            moved.MemoryDisplacement64 = instruction.MemoryDisplacement64 + distance;
        }

        if (instruction.OpCount != 0 && instruction.Op0Kind == OpKind.NearBranch64)
        {
            moved.NearBranch64 = instruction.NearBranch64 + distance;
        }
        else if (instruction.OpCount != 0 && instruction.Op0Kind == OpKind.NearBranch16)
        {
            moved.NearBranch16 = (ushort)(instruction.NearBranch16 + distance);
        }

        return moved;
    }

    /// <summary>Whether the second page of a block that crosses into it is still the one it was translated from.</summary>
    private bool IsStillThere(Block block, ulong linear) =>
        _memory.TryTranslateCode((linear | 0xFFF) + 1, out ulong second) && second == block.SecondPage;

    private Block? TranslateBlock(ulong rip, ulong physical, ExecutionMode key, bool grouped)
    {
        MakeRoom();
        int most = _debug is { IsOneInstruction: true } ? 1 : DecodedBlock.MaximumInstructions;
        if (!TryCopyCode(most, out int firstPage, out ulong second, watch: true)
            || (_debug is not null && _debug.InstructionsBeforeStop(_decoded, rip) is int limit
                && !TryCopyCode(limit, out firstPage, out second, watch: true)))
        {
            _blocks.Unwatch();
            _stale = null;
            return null;
        }

        bool crosses = _decoded.Length > firstPage;
        ChangingCode? changing = _decodedChanging ? DescribeChanging(physical, firstPage, crosses ? second : ulong.MaxValue) : null;
        _stale = null;
        Block block = _translator.Translate(
            _decoded, _blocks.NextNumber, rip, physical, crosses ? second : ulong.MaxValue, key, grouped, changing);
        _blocks.Add(block);
        _counters.Blocks++;
        _counters.Instructions += (ulong)_decoded.Count;
        _counters.EmittedBytes += (ulong)block.HostLength;
        return block;
    }

    private ChangingCode DescribeChanging(ulong physical, int firstPage, ulong secondPage)
    {
        int inFirst = Math.Min(_decoded.Length, firstPage);
        _bus.Ram.TryGetHostAddress(physical, (ulong)inFirst, out byte* first);
        byte* second = null;
        if (secondPage != ulong.MaxValue)
        {
            _bus.Ram.TryGetHostAddress(secondPage, (ulong)(_decoded.Length - inFirst), out second);
        }

        ulong variable = _stale is null ? 0 : ChangingCode.FindVariable(_stale, _decoded);
        return new ChangingCode((ulong)first, inFirst, (ulong)second, _decoded.Code.Slice(0, _decoded.Length).ToArray(), variable);
    }

    /// <summary>Copies guest code at RIP and decodes it.</summary>
    /// <param name="limit">Most instructions.</param>
    /// <param name="firstPage">Bytes of the copy in the first page.</param>
    /// <param name="secondPage">Guest-physical address of the next page, where the copy reaches into it.</param>
    /// <param name="watch">Whether the code is watched from now on, for a block; otherwise it serves for this once.</param>
    private bool TryCopyCode(int limit, out int firstPage, out ulong secondPage, bool watch = false)
    {
        ExecutionMode mode = _memory.Mode;
        ulong rip = _context->Registers.Rip;
        ulong linear = LinearRip;
        firstPage = (int)(4096 - (linear & 0xFFF));
        secondPage = ulong.MaxValue;
        _decoded.CodeLimit = CodeLimit;
        if (!IsInsideCode(rip) || !_memory.TryTranslateCode(linear, out ulong physical))
        {
            return false;
        }

        int start = 4096 - firstPage;
        ulong page = physical - (ulong)start;
        if (!_memory.TryReadCode(page, _decoded.Code.Page[..4096]))
        {
            _memory.PendingFault = Fault.GeneralProtectionFault();
            return false;
        }

        _decodedChanging = _watch.MustCompare(page);
        _decoded.Decode(rip, mode, start, firstPage, limit, _decodedChanging);
        if (_decoded.IsCut && !_decoded.RunsOverLimit)
        {
            // The first instruction runs on into the next page.
            if (!_memory.TryTranslateCode((linear | 0xFFF) + 1, out secondPage))
            {
                return false;
            }

            if (!_memory.TryReadCode(secondPage, _decoded.Code.Page.Slice(4096, LongestInstruction)))
            {
                _memory.PendingFault = Fault.GeneralProtectionFault();
                return false;
            }

            _decodedChanging |= _watch.MustCompare(secondPage);
            _decoded.Decode(rip, mode, start, firstPage + LongestInstruction, 1, _decodedChanging);
        }

        if (_decoded.RunsOverLimit)
        {
            _memory.PendingFault = Fault.GeneralProtectionFault();
            return false;
        }

        if (!watch)
        {
            return true;
        }

        // Watched first, read again after: a write in between is either seen in the copy or reported.
        int inFirst = Math.Min(_decoded.Length, firstPage);
        ulong chunks = CodeWatch.Mask(physical, inFirst) | _decoded.LookedAt;
        _blocks.Watch(page, chunks, this);
        bool changing = _watch.MustCompare(page) || (secondPage != ulong.MaxValue && _watch.MustCompare(secondPage));
        if (_decodedChanging != changing || (!_decodedChanging && !IsUnchanged(page, chunks)))
        {
            return TryCopyCode(limit, out firstPage, out secondPage, watch);
        }

        if (_decoded.Length > firstPage)
        {
            ulong secondChunks = CodeWatch.Mask(secondPage, _decoded.Length - firstPage);
            _blocks.Watch(secondPage, secondChunks, this);
            if (!_decodedChanging && (_watch.MustCompare(secondPage) || !IsUnchangedBehind(secondPage)))
            {
                return TryCopyCode(limit, out firstPage, out secondPage, watch);
            }
        }

        return true;
    }

    /// <summary>Whether what the copy has of the second page is still there.</summary>
    private bool IsUnchangedBehind(ulong secondPage) =>
        _bus.Ram.TryGetHostAddress(secondPage, LongestInstruction, out byte* host)
        && new ReadOnlySpan<byte>(host, LongestInstruction).SequenceEqual(_decoded.Code.Page.Slice(4096, LongestInstruction));

    /// <summary>Whether chunks of a page in RAM are what the copy of it says.</summary>
    private bool IsUnchanged(ulong page, ulong chunks)
    {
        if (!_bus.Ram.TryGetHostAddress(page, 4096, out byte* host))
        {
            return false;
        }

        for (ulong left = chunks; left != 0; left &= left - 1)
        {
            int offset = System.Numerics.BitOperations.TrailingZeroCount(left) * 64;
            if (!new ReadOnlySpan<byte>(host + offset, 64).SequenceEqual(_decoded.Code.Page.Slice(offset, 64)))
            {
                return false;
            }
        }

        return true;
    }
}
