using Nacelle.Cpu;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Listing;

/// <summary>Names of the words of a vCPU's context that emitted code uses, as <see cref="TranslatorContext"/> calls them.</summary>
internal static class ContextNames
{
    private static readonly string[] s_tlbs = ["supervisor", "user", "lifted"];
    private static readonly (int Offset, int Length, string Name)[] s_words = [.. Words().OrderBy(word => word.Offset)];

    /// <summary>Name of a soft TLB or its mode.</summary>
    public static string OfTlb(int tlb) => s_tlbs[tlb];

    /// <summary>Finds the word that an offset lies in.</summary>
    /// <param name="offset">In the context.</param>
    /// <param name="start">Where the word begins.</param>
    /// <returns>Its name; null where it has none.</returns>
    public static string? Find(int offset, out int start)
    {
        int low = 0;
        int high = s_words.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            (int first, int length, string name) = s_words[middle];
            if (offset < first)
            {
                high = middle - 1;
            }
            else if (offset >= first + length)
            {
                low = middle + 1;
            }
            else
            {
                start = first;
                return name;
            }
        }

        start = 0;
        return null;
    }

    private static IEnumerable<(int Offset, int Length, string Name)> Words()
    {
        const int word = 8;
        for (int i = 0; i < 16; i++)
        {
            yield return (i * word, word, $"Guest.{(GeneralRegister)i}");
        }

        for (SegmentName segment = SegmentName.Es; segment <= SegmentName.Gs; segment++)
        {
            int offset = ContextOffsets.SegmentBase(segment);
            yield return (offset, word, $"{segment}.Base");
            yield return (ContextOffsets.SegmentSelector(segment), sizeof(ushort), $"{segment}.Selector");
            yield return (ContextOffsets.SegmentLimit(segment, write: false), word, $"{segment}.ReadLimit");
            yield return (ContextOffsets.SegmentLimit(segment, write: true), word, $"{segment}.WriteLimit");
        }

        for (int tlb = 0; tlb < TranslatorContext.TlbCount; tlb++)
        {
            int jumps = ContextOffsets.JumpEntries(tlb) * word;
            yield return (ContextOffsets.TlbTags(tlb, write: false), word, $"Tlb.{OfTlb(tlb)}.ReadTag");
            yield return (ContextOffsets.TlbHosts(tlb, write: false), word, $"Tlb.{OfTlb(tlb)}.ReadPage");
            yield return (ContextOffsets.TlbTags(tlb, write: true), word, $"Tlb.{OfTlb(tlb)}.WriteTag");
            yield return (ContextOffsets.TlbHosts(tlb, write: true), word, $"Tlb.{OfTlb(tlb)}.WritePage");
            yield return (ContextOffsets.JumpIndexMask(tlb), word, $"JumpIndexMask.{OfTlb(tlb)}");
            yield return (ContextOffsets.JumpTable(tlb, 0), jumps, $"Jumps.{OfTlb(tlb)}.Addresses");
            yield return (ContextOffsets.JumpTable(tlb, 1), jumps, $"Jumps.{OfTlb(tlb)}.Targets");
        }

        yield return (ContextOffsets.Site(0), TranslatorContext.AccessSites * word, nameof(TranslatorContext.Sites));
        for (int slot = 0; slot < TranslatorContext.GroupPointers; slot++)
        {
            yield return (ContextOffsets.Group(slot), word, $"{nameof(TranslatorContext.Groups)}.{slot}");
        }

        foreach ((int offset, string name) in ((int, string)[])
        [
            (ContextOffsets.Rip, nameof(CpuRegisters.Rip)),
            (ContextOffsets.Rflags, nameof(CpuRegisters.Rflags)),
            (ContextOffsets.Lstar, nameof(CpuRegisters.Lstar)),
            (ContextOffsets.KernelGsBase, nameof(CpuRegisters.KernelGsBase)),
            (ContextOffsets.TscAux, nameof(CpuRegisters.TscAux)),
            (ContextOffsets.TscOffset, nameof(CpuRegisters.TscOffset)),
            (ContextOffsets.HostFlags, nameof(TranslatorContext.HostFlags)),
            (ContextOffsets.HostStack, nameof(TranslatorContext.HostStack)),
            (ContextOffsets.SyscallFlagsKept, nameof(TranslatorContext.SyscallFlagsKept)),
            (ContextOffsets.SyscallCode, nameof(TranslatorContext.SyscallCode)),
            (ContextOffsets.SyscallStack, nameof(TranslatorContext.SyscallStack)),
            (ContextOffsets.SysretCode, nameof(TranslatorContext.SysretCode)),
            (ContextOffsets.SysretStack, nameof(TranslatorContext.SysretStack)),
            (ContextOffsets.BouncePointer, nameof(TranslatorContext.BouncePointer)),
            (ContextOffsets.CodeSegmentKey, nameof(TranslatorContext.CodeSegmentKey)),
            (ContextOffsets.CodePage, nameof(TranslatorContext.CodePage)),
            (ContextOffsets.SavedRcx, nameof(TranslatorContext.SavedRcx)),
            (ContextOffsets.SavedFlags, nameof(TranslatorContext.SavedFlags)),
            (ContextOffsets.SavedScratch, nameof(TranslatorContext.SavedScratch)),
            (ContextOffsets.TlbIndexMask, nameof(TranslatorContext.TlbIndexMask)),
            (ContextOffsets.PageMask, nameof(TranslatorContext.PageMask)),
            (ContextOffsets.ArithmeticFlagsMask, nameof(TranslatorContext.ArithmeticFlagsMask)),
            (ContextOffsets.StoredFlagsMask, nameof(TranslatorContext.StoredFlagsMask)),
            (ContextOffsets.ExtendedStateMask, nameof(TranslatorContext.ExtendedStateMask)),
            (ContextOffsets.StackLimit, nameof(TranslatorContext.StackLimit)),
            (ContextOffsets.NegatedStackLimit, nameof(TranslatorContext.NegatedStackLimit)),
            (ContextOffsets.ReturnStackBase, nameof(TranslatorContext.ReturnStackBase)),
            (ContextOffsets.SignMask, nameof(TranslatorContext.SignMask)),
            (ContextOffsets.ReturnMisses, nameof(TranslatorContext.ReturnMisses)),
            (ContextOffsets.ReturnUnderflows, nameof(TranslatorContext.ReturnUnderflows)),
            (ContextOffsets.ExitArgument, nameof(TranslatorContext.ExitArgument)),
            (ContextOffsets.FirstPart, nameof(TranslatorContext.FirstPart)),
            (ContextOffsets.SecondPart, nameof(TranslatorContext.SecondPart)),
        ])
        {
            yield return (offset, word, name);
        }

        foreach ((int offset, string name) in ((int, string)[])
        [
            (ContextOffsets.FastCalls, nameof(TranslatorContext.FastCalls)),
            (ContextOffsets.SupervisorMode, nameof(TranslatorContext.SupervisorMode)),
            (ContextOffsets.UserMode, nameof(TranslatorContext.UserMode)),
            (ContextOffsets.Mode, nameof(TranslatorContext.Mode)),
            (ContextOffsets.Runnable, nameof(TranslatorContext.Runnable)),
            (ContextOffsets.NoInterruptWaiting, nameof(TranslatorContext.NoInterruptWaiting)),
            (ContextOffsets.ExtendedStateDead, nameof(TranslatorContext.ExtendedStateDead)),
            (ContextOffsets.InterruptFlag, nameof(TranslatorContext.InterruptFlag)),
            (ContextOffsets.DirectionFlag, nameof(TranslatorContext.DirectionFlag)),
            (ContextOffsets.ExitReason, nameof(TranslatorContext.ExitReason)),
            (ContextOffsets.AccessKind, nameof(TranslatorContext.AccessKind)),
            (ContextOffsets.FirstLength, nameof(TranslatorContext.FirstLength)),
            (ContextOffsets.SecondLength, nameof(TranslatorContext.SecondLength)),
        ])
        {
            yield return (offset, sizeof(uint), name);
        }
    }
}
