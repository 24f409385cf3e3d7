using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Emits REP STOS and REP MOVS in flat code as the host's own instruction over one page after the other. What the host cannot
/// do at once (a page missing in the soft TLB, the direction flag, a request for attention) is left to the monitor: RCX then
/// says what remains.
/// </summary>
/// <remarks>
/// Each variant is a routine that blocks call; it is emitted when the first block needs it, outlives all blocks, and loses the
/// flags. For one thread.
/// </remarks>
internal sealed class StringEmitter
{
    // Move or store, four widths, three soft TLBs.
    private const int Variants = 2 * 4 * 3;

    // More than any of them takes.
    private const int RoutineSize = 448;
    private readonly CodeEmitter _emit;
    private readonly ulong[] _routines = new ulong[Variants];
    private readonly ulong[] _find;
    private readonly int _start;

    /// <param name="emit">The code memory, in which the routines' place begins at the position.</param>
    /// <param name="find">Thunks that look into the second level of each soft TLB, to read and to write.</param>
    public StringEmitter(CodeEmitter emit, ulong[] find)
    {
        _emit = emit;
        _find = find;
        _start = emit.Position;
        emit.Position += Variants * RoutineSize;
    }

    /// <summary>Whether an instruction is one of those emitted here.</summary>
    public static bool IsFast(in Instruction instruction, ExecutionMode mode) => mode.IsFlat && !mode.IsSingleStep && instruction.HasRepPrefix
        && !mode.IsChecked(SegmentName.Es) && !mode.IsAlignmentChecked
        && instruction.Op0Kind == (mode.IsLong ? OpKind.MemoryESRDI : OpKind.MemoryESEDI) && instruction.Code switch
        {
            Code.Stosb_m8_AL or Code.Stosw_m16_AX or Code.Stosd_m32_EAX or Code.Stosq_m64_RAX => true,
            Code.Movsb_m8_m8 or Code.Movsw_m16_m16 or Code.Movsd_m32_m32 or Code.Movsq_m64_m64 =>
                instruction.MemorySegment is not (Register.FS or Register.GS)
                    && !mode.IsChecked((SegmentName)(instruction.MemorySegment - Register.ES)),
            _ => false,
        };

    /// <summary>The routines that are there, with names.</summary>
    public IEnumerable<(ulong Address, string Name)> Routines =>
        _routines.Select((address, variant) =>
            (address, $"{(variant / 3 >= 4 ? "RepeatedMove" : "RepeatedStore")}{8 << (variant / 3 % 4)}.{variant % 3}")).Where(routine => routine.address != 0);

    /// <summary>Emits the routine of an instruction if it is not there yet. Between blocks.</summary>
    /// <exception cref="InvalidOperationException">It takes more room than there is for it.</exception>
    public void Prepare(in Instruction instruction, ExecutionMode mode)
    {
        int variant = Variant(instruction, mode);
        ref ulong routine = ref _routines[variant];
        if (routine == 0)
        {
            int position = _emit.Position;
            _emit.Position = _start + (variant * RoutineSize);
            routine = _emit.Address;
            Assembler assembler = new(64);
            if (IsMove(instruction))
            {
                Move(assembler, Shift(instruction), mode.Tlb);
            }
            else
            {
                Store(assembler, Shift(instruction), mode.Tlb);
            }

            assembler.Assemble(new EmitterWriter(_emit), routine);
            if (_emit.Position > _start + ((variant + 1) * RoutineSize))
            {
                throw new InvalidOperationException($"the routine of '{instruction}' takes more than {RoutineSize} bytes");
            }

            _emit.Position = position;
        }
    }

    /// <summary>Calls the routine; on return RCX is zero when the instruction is complete.</summary>
    public void Call(in Instruction instruction, ExecutionMode mode)
    {
        if (!mode.IsLong)
        {
            // The routine counts and points with whole registers.
            _emit.Move32(HostRegister.Rcx, HostRegister.Rcx);
            _emit.Move32(HostRegister.Rsi, HostRegister.Rsi);
            _emit.Move32(HostRegister.Rdi, HostRegister.Rdi);
        }

        _emit.CallTo(_routines[Variant(instruction, mode)]);
    }

    private static bool IsMove(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsd or Mnemonic.Movsq;

    private static int Shift(in Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Movsb or Mnemonic.Stosb => 0,
        Mnemonic.Movsw or Mnemonic.Stosw => 1,
        Mnemonic.Movsd or Mnemonic.Stosd => 2,
        _ => 3,
    };

    private static int Variant(in Instruction instruction, ExecutionMode mode) =>
        (((IsMove(instruction) ? 4 : 0) + Shift(instruction)) * 3) + mode.Tlb;

    private AssemblerMemoryOperand Context32(int offset) => __dword_ptr[_emit.ContextAddress(offset)];

    private void Store(Assembler assembler, int shift, int tlb)
    {
        Label loop = assembler.CreateLabel();
        Label done = assembler.CreateLabel();
        Begin(assembler, loop, done);
        Probe(assembler, rdi, tlb, write: true, shift, done);

        // r14: elements that fit in the page, at most RCX of them.
        assembler.neg(r14);
        assembler.add(r14, 4096);
        assembler.shr(r14, (byte)shift);
        assembler.cmp(rcx, r14);
        assembler.cmovb(r14, rcx);
        assembler.sub(rcx, r14);
        assembler.push(rcx);
        assembler.mov(rcx, r14);
        assembler.mov(r14d, edi);
        assembler.and(r14d, 0xFFF);
        assembler.add(r14, r15);
        assembler.mov(r15, rdi);
        assembler.mov(rdi, r14);
        switch (shift)
        {
            case 0:
                assembler.rep.stosb();
                break;
            case 1:
                assembler.rep.stosw();
                break;
            case 2:
                assembler.rep.stosd();
                break;
            default:
                assembler.rep.stosq();
                break;
        }

        assembler.sub(rdi, r14);
        assembler.add(rdi, r15);
        assembler.pop(rcx);
        assembler.jmp(loop);
        assembler.Label(ref done);
        assembler.ret();
    }

    private void Move(Assembler assembler, int shift, int tlb)
    {
        Label loop = assembler.CreateLabel();
        Label missed = assembler.CreateLabel();
        Label done = assembler.CreateLabel();
        Begin(assembler, loop, done);
        Probe(assembler, rdi, tlb, write: true, shift, done);
        assembler.push(r15);
        assembler.push(r14);
        Probe(assembler, rsi, tlb, write: false, shift, missed);

        // rbx: elements that fit in both pages, at most RCX of them; r14 and r15: host source and destination.
        assembler.push(rbx);
        assembler.mov(rbx, __qword_ptr[rsp + 8]);
        assembler.cmp(rbx, r14);
        assembler.cmovb(rbx, r14);
        assembler.neg(rbx);
        assembler.add(rbx, 4096);
        assembler.shr(rbx, (byte)shift);
        assembler.cmp(rcx, rbx);
        assembler.cmovb(rbx, rcx);
        assembler.add(r14, r15);
        assembler.mov(r15, __qword_ptr[rsp + 16]);
        assembler.add(r15, __qword_ptr[rsp + 8]);
        assembler.sub(rcx, rbx);
        assembler.push(rcx);
        assembler.push(rsi);
        assembler.push(rdi);
        assembler.mov(rcx, rbx);
        assembler.mov(rsi, r14);
        assembler.mov(rdi, r15);
        switch (shift)
        {
            case 0:
                assembler.rep.movsb();
                break;
            case 1:
                assembler.rep.movsw();
                break;
            case 2:
                assembler.rep.movsd();
                break;
            default:
                assembler.rep.movsq();
                break;
        }

        assembler.sub(rsi, r14);
        assembler.mov(r14, rsi);
        assembler.pop(rdi);
        assembler.pop(rsi);
        assembler.add(rdi, r14);
        assembler.add(rsi, r14);
        assembler.pop(rcx);
        assembler.pop(rbx);
        assembler.add(rsp, 16);
        assembler.jmp(loop);
        assembler.Label(ref missed);
        assembler.add(rsp, 16);
        assembler.Label(ref done);
        assembler.ret();
    }

    /// <summary>Each turn: anything left to do, forwards, and nobody waiting?</summary>
    private void Begin(Assembler assembler, Label loop, Label done)
    {
        assembler.Label(ref loop);
        assembler.test(rcx, rcx);
        assembler.je(done);
        assembler.cmp(Context32(ContextOffsets.DirectionFlag), 0);
        assembler.jne(done);
        assembler.cmp(Context32(ContextOffsets.Runnable), 0);
        assembler.je(done);
    }

    /// <summary>Leaves the offset in the page in r14 and the page's host address in r15.</summary>
    private void Probe(Assembler assembler, AssemblerRegister64 address, int tlb, bool write, int shift, Label miss)
    {
        Label known = assembler.CreateLabel();
        Label done = assembler.CreateLabel();
        assembler.mov(r14, address);
        assembler.mov(r15, address);
        assembler.shr(r15, SoftTlb.IndexShift);
        assembler.and(r15d, SoftTlb.IndexMask);
        assembler.add(r14, Table(ContextOffsets.TlbTags(tlb, write)));
        assembler.cmp(r14, 4096 - (1 << shift));
        assembler.jbe(known);
        assembler.mov(r14, address);
        assembler.and(r14d, 0xFFF);
        assembler.cmp(r14d, 4096 - (1 << shift));
        assembler.ja(miss);
        assembler.mov(r14, address);
        assembler.call(_find[(tlb * 2) + (write ? 1 : 0)]);
        assembler.mov(r15, r14);
        assembler.and(r15, -4096);
        assembler.je(miss);
        assembler.and(r14d, 0xFFF);
        assembler.jmp(done);
        assembler.Label(ref known);
        assembler.mov(r15, Table(ContextOffsets.TlbHosts(tlb, write)));
        assembler.Label(ref done);
        assembler.nop();
    }

    private AssemblerMemoryOperand Table(int offset) => __qword_ptr[r15 + _emit.ContextAddress(offset)];
}
