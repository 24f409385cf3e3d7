using Iced.Intel;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Accesses that lie across two pages, by way of the bounce buffer, without leaving translated code: a copy whose ends are not
/// aligned makes one at the end of every page. What the soft TLB does not know is left to the miss handler.
/// </summary>
/// <remarks>
/// Called with the linear address in R14 and the bytes and kind in <see cref="TranslatorContext.AccessKind"/>; R14 is the
/// pointer into the buffer on return, R15 is lost, and flags are kept. The buffer is as far from a 64-byte boundary as the
/// address, for instructions that insist on alignment.
/// </remarks>
internal sealed class PageCrossingThunks(CodeEmitter emit, ulong bounce)
{
    /// <summary>Before an access: both parts are copied into the buffer, and where it writes their places are noted.</summary>
    /// <param name="tlb">Which soft TLB.</param>
    /// <param name="write">Whether the access writes.</param>
    /// <param name="find">Thunk that looks into the second level.</param>
    /// <param name="miss">Thunk of the miss handler.</param>
    public ulong EmitBefore(int tlb, bool write, ulong find, ulong miss)
    {
        Assembler c = new(64);
        Label missed = c.CreateLabel();
        c.pushfq();
        c.push(rcx);
        c.push(rsi);
        c.push(rdi);
        c.push(r14);

        // The second page first: its host address stays in r15 while rcx becomes the length of its part.
        c.lea(rsi, __[r14 + 4095]);
        c.and(rsi, -4096);
        Probe(c, tlb, write, find, missed);
        c.push(r15);
        c.mov(rsi, r14);
        c.and(rsi, -4096);
        Label missedFirst = c.CreateLabel();
        Probe(c, tlb, write, find, missedFirst);
        c.mov(esi, r14d);
        c.and(esi, 0xFFF);
        c.add(r15, rsi);
        c.mov(ecx, 4096);
        c.sub(ecx, esi);
        c.mov(edi, r14d);
        c.and(edi, 63);
        c.mov(r14, bounce);
        c.add(r14, rdi);
        c.mov(rdi, r14);
        c.mov(rsi, r15);
        if (write)
        {
            c.mov(Quad(ContextOffsets.BouncePointer), r14);
            c.mov(Quad(ContextOffsets.FirstPart), r15);
            c.mov(Word(ContextOffsets.FirstLength), ecx);
        }

        c.movzx(r15d, __word_ptr[emit.ContextAddress(ContextOffsets.AccessKind)]);
        c.sub(r15d, ecx);
        c.rep.movsb();
        c.pop(rsi);
        c.mov(ecx, r15d);
        if (write)
        {
            c.mov(Quad(ContextOffsets.SecondPart), rsi);
            c.mov(Word(ContextOffsets.SecondLength), ecx);
        }

        c.rep.movsb();
        c.add(rsp, 8);
        c.pop(rdi);
        c.pop(rsi);
        c.pop(rcx);
        c.popfq();
        c.ret();
        c.Label(ref missedFirst);
        c.add(rsp, 8);
        c.Label(ref missed);
        c.pop(r14);
        c.pop(rdi);
        c.pop(rsi);
        c.pop(rcx);
        c.popfq();
        c.jmp(miss);
        return Place(c);
    }

    /// <summary>After an access that writes: both parts go where they belong.</summary>
    public ulong EmitAfter()
    {
        Assembler c = new(64);
        c.pushfq();
        c.push(rcx);
        c.push(rsi);
        c.push(rdi);
        c.mov(rsi, Quad(ContextOffsets.BouncePointer));
        c.mov(rdi, Quad(ContextOffsets.FirstPart));
        c.mov(ecx, Word(ContextOffsets.FirstLength));
        c.rep.movsb();
        c.mov(rdi, Quad(ContextOffsets.SecondPart));
        c.mov(ecx, Word(ContextOffsets.SecondLength));
        c.rep.movsb();
        c.pop(rdi);
        c.pop(rsi);
        c.pop(rcx);
        c.popfq();
        c.ret();
        return Place(c);
    }

    /// <summary>Leaves the host address of the page at RSI in r15; rcx is lost.</summary>
    private void Probe(Assembler c, int tlb, bool write, ulong find, Label missed)
    {
        Label known = c.CreateLabel();
        Label done = c.CreateLabel();
        c.mov(r15, rsi);
        c.shr(r15, SoftTlb.IndexShift);
        c.and(r15d, SoftTlb.IndexMask);
        c.mov(rcx, __qword_ptr[r15 + emit.ContextAddress(ContextOffsets.TlbTags(tlb, write))]);
        c.add(rcx, rsi);
        c.je(known);
        c.mov(rcx, r14);
        c.mov(r14, rsi);
        c.call(find);
        c.mov(r15, r14);
        c.mov(r14, rcx);
        c.test(r15, r15);
        c.je(missed);
        c.jmp(done);
        c.Label(ref known);
        c.mov(r15, __qword_ptr[r15 + emit.ContextAddress(ContextOffsets.TlbHosts(tlb, write))]);
        c.Label(ref done);
        c.nop();
    }

    private AssemblerMemoryOperand Word(int offset) => __dword_ptr[emit.ContextAddress(offset)];

    private AssemblerMemoryOperand Quad(int offset) => __qword_ptr[emit.ContextAddress(offset)];

    private ulong Place(Assembler assembler)
    {
        ulong start = emit.Address;
        assembler.Assemble(new EmitterWriter(emit), start);
        return start;
    }
}
