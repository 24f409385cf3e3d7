using Iced.Intel;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Looks for pages in <see cref="SecondLevelTlb"/> that have no place in the soft TLB, and gives them one, without leaving
/// translated code: the monitor takes twenty times as long.
/// </summary>
internal sealed class TlbThunks(CodeEmitter emit)
{
    /// <summary>
    /// For blocks: called with the linear address in R14 and the bytes and kind in <see cref="TranslatorContext.AccessKind"/>; R14 is the
    /// host pointer on return, R15 is lost, and flags are kept. What is not to be had here goes to the miss handler.
    /// </summary>
    /// <param name="tlb">Which soft TLB.</param>
    /// <param name="write">Whether the access writes.</param>
    /// <param name="hashed">Which of its two places the page is to have.</param>
    /// <param name="miss">Thunk of the miss handler.</param>
    public ulong Emit(int tlb, bool write, bool hashed, ulong miss)
    {
        Assembler c = new(64);
        Label missed = c.CreateLabel();
        Label found = c.CreateLabel();
        c.push(rax);
        c.push(rcx);
        c.push(rdx);
        c.seto(al);
        c.lahf();

        // What lies across pages has been looked after before where that was easy.
        c.movzx(ecx, __word_ptr[emit.ContextAddress(ContextOffsets.AccessKind)]);
        c.mov(edx, r14d);
        c.and(edx, 0xFFF);
        c.add(edx, ecx);
        c.cmp(edx, 4096);
        c.ja(missed);
        if (!hashed)
        {
            c.dec(Word(ContextOffsets.ConflictsLeft));
            c.je(missed);
        }

        Find(c, tlb, write, hashed, found, missed);
        c.Label(ref found);
        RestoreFlags(c);
        c.ret();
        c.Label(ref missed);
        RestoreFlags(c);
        c.jmp(miss);
        return Place(c);
    }

    /// <summary>For other thunks: called with the linear address in R14, which is the host pointer or zero on return; R15 and the flags are lost.</summary>
    /// <param name="tlb">Which soft TLB.</param>
    /// <param name="write">Whether the access writes.</param>
    public ulong EmitForThunks(int tlb, bool write)
    {
        Assembler c = new(64);
        Label missed = c.CreateLabel();
        Label found = c.CreateLabel();
        c.push(rcx);
        c.push(rdx);
        Find(c, tlb, write, hashed: false, found, missed);
        c.Label(ref missed);
        c.xor(r14d, r14d);
        c.Label(ref found);
        c.pop(rdx);
        c.pop(rcx);
        c.ret();
        return Place(c);
    }

    private static void RestoreFlags(Assembler c)
    {
        c.add(al, 0x7F);
        c.sahf();
        c.pop(rdx);
        c.pop(rcx);
        c.pop(rax);
    }

    /// <summary>Turns the address in R14 into a host pointer; RCX, RDX, R15 and the flags are lost.</summary>
    private void Find(Assembler c, int tlb, bool write, bool hashed, Label found, Label missed)
    {
        Label local = c.CreateLabel();
        c.mov(rcx, r14);
        c.shr(rcx, SecondLevelTlb.GroupShift);
        c.imul(rcx, Quad(ContextOffsets.TlbMultiplier));
        c.mov(r15d, Word(ContextOffsets.TlbSetShift));
        c.shrx(rcx, rcx, r15);
        c.and(rcx, -SecondLevelTlb.SetSize);
        c.mov(r15d, r14d);
        c.shr(r15d, SecondLevelTlb.WithinShift);
        c.and(r15d, SecondLevelTlb.WithinMask);
        c.xor(rcx, r15);
        c.add(rcx, Quad(ContextOffsets.TlbSets));
        c.mov(r15, r14);
        c.and(r15, -4096);
        if (tlb == 1)
        {
            Compare(c, tlb, global: false, local);
            c.jmp(missed);
        }
        else
        {
            Label global = c.CreateLabel();
            c.mov(rdx, rcx);
            Compare(c, tlb, global: true, global);
            c.mov(rcx, rdx);
            c.and(r15, -4096);
            Compare(c, tlb, global: false, local);
            c.jmp(missed);
            c.Label(ref global);
            Fill(c, tlb, write, hashed, global: true, missed);
            c.jmp(found);
        }

        c.Label(ref local);
        Fill(c, tlb, write, hashed, global: false, missed);
        c.jmp(found);
    }

    private void Compare(Assembler c, int tlb, bool global, Label equal)
    {
        c.or(r15, Quad(ContextOffsets.TlbKey(tlb, global)));
        for (int way = 0; way < SecondLevelTlb.Ways; way++)
        {
            if (way != 0)
            {
                c.add(rcx, SecondLevelTlb.EntrySize);
            }

            c.cmp(__qword_ptr[rcx], r15);
            c.je(equal);
        }
    }

    /// <summary>Gives the entry at RCX a place in the soft TLB for the access in hand, noted for the flushes.</summary>
    private void Fill(Assembler c, int tlb, bool write, bool hashed, bool global, Label missed)
    {
        Label listed = c.CreateLabel();
        c.mov(rdx, __qword_ptr[rcx + 8]);
        if (write)
        {
            c.test(dl, 1);
            c.je(missed);
        }

        c.and(rdx, -4096);
        if (write)
        {
            // A page that has become code, or never was asked for, is the monitor's matter.
            c.mov(rcx, rdx);
            c.sub(rcx, Quad(ContextOffsets.RamAddress));
            c.shr(rcx, 12);
            c.mov(r15, Quad(ContextOffsets.UnseenWrites));
            c.bt(__qword_ptr[r15], rcx);
            c.jae(missed);
        }

        c.inc(Quad(ContextOffsets.TlbFinds));
        c.mov(rcx, r14);
        if (hashed)
        {
            c.shr(rcx, 12);
            c.xor(ecx, r14d);
        }

        c.shr(ecx, SoftTlb.IndexShift);
        c.and(ecx, SoftTlb.IndexMask);
        c.mov(r15, r14);
        c.and(r15, -4096);
        c.neg(r15);
        c.mov(Entry(ContextOffsets.TlbTags(tlb, write)), r15);
        c.mov(Entry(ContextOffsets.TlbHosts(tlb, write)), rdx);
        c.and(r14d, 0xFFF);
        c.add(r14, rdx);

        byte mark = global ? SoftTlb.ListedGlobal : SoftTlb.ListedLocal;
        int marks = emit.ContextAddress(ContextOffsets.TlbListed(tlb));
        c.shr(ecx, 5);
        c.test(__byte_ptr[rcx + marks], mark);
        c.jne(listed);
        c.or(__byte_ptr[rcx + marks], mark);
        c.add(ecx, tlb * TranslatorContext.TlbEntries);
        c.mov(edx, Word(global ? ContextOffsets.TlbGlobalCount : ContextOffsets.TlbLocalCount));
        c.mov(__word_ptr[(rdx * 2) + emit.ContextAddress(global ? ContextOffsets.TlbGlobalList : ContextOffsets.TlbLocalList)], cx);
        c.inc(Word(global ? ContextOffsets.TlbGlobalCount : ContextOffsets.TlbLocalCount));
        c.Label(ref listed);
        c.nop();
    }

    private AssemblerMemoryOperand Entry(int offset) => __qword_ptr[rcx + emit.ContextAddress(offset)];

    private AssemblerMemoryOperand Word(int offset) => __dword_ptr[emit.ContextAddress(offset)];

    private AssemblerMemoryOperand Quad(int offset) => __qword_ptr[emit.ContextAddress(offset)];

    private ulong Place(Assembler assembler)
    {
        ulong start = emit.Address;
        assembler.Assemble(new EmitterWriter(emit), start);
        return start;
    }
}
