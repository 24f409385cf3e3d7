using Iced.Intel;
using Nacelle.Cpu;

namespace Nacelle.Translation.Runtime;

/// <content>The guest's own single step and breakpoints: debug exceptions around one instruction (SDM volume 3, chapter 17).</content>
internal sealed unsafe partial class TranslatorVirtualCpu
{
    private const ulong BreakpointHits = 0xF;
    private const ulong SingleStepHit = 1 << 14;

    /// <summary>The instruction that is being stepped over.</summary>
    private Instruction _step;

    /// <summary>Bits of DR6 for the data that it touches.</summary>
    private ulong _stepHits;

    /// <summary>Whether the trap of RFLAGS.TF follows it.</summary>
    private bool _stepTrap;

    /// <summary>Whether it was carried out, and not interrupted by an exception of its own.</summary>
    private bool _stepCompleted;

    /// <summary>Whether it is an STI after which one more instruction runs without interrupts.</summary>
    private bool _stepOpensInterrupts;

    /// <summary>Whether it is a repeated string instruction that has done one element and has more to do.</summary>
    private bool _midRepeat;

    /// <summary>Data breakpoints of a load of SS, which wait until the next instruction is done (SDM volume 3, 6.8.3).</summary>
    private ulong _heldHits;

    /// <summary>
    /// Whether the instruction before loaded SS. On Intel's processors that holds a breakpoint on the next one back too, on AMD's it
    /// does not.
    /// </summary>
    private bool _stackLoaded;

    /// <summary>Before an instruction: stops at a breakpoint on it, or notes what is to be watched.</summary>
    /// <param name="exit">Set on a triple fault.</param>
    /// <returns>Whether the debug exception was delivered instead.</returns>
    private bool BeginStep(out VirtualCpuExit? exit)
    {
        exit = null;
        _stepCompleted = false;
        _stepTrap = false;
        _stepHits = 0;
        _stepOpensInterrupts = false;
        if (!TryCopyCode(1, out _, out _))
        {
            // The fetch faults again where faults are delivered.
            return false;
        }

        ref CpuRegisters registers = ref _context->Registers;
        ulong linear = LinearRip;
        bool resumes = (registers.Rflags & Cpu.RflagsBits.Resume) != 0;
        bool held = _stackLoaded && !_system.IsAmd;
        if (!resumes && !held && _breakpoints.OnInstruction(linear) is ulong hits and not 0)
        {
            exit = RaiseDebug(hits);
            return true;
        }

        _step = _decoded.Instructions[0];
        _stepTrap = (registers.Rflags & Cpu.RflagsBits.Trap) != 0;
        _stepHits = _breakpoints.OnData(_step);
        _stepOpensInterrupts = _step.Mnemonic == Mnemonic.Sti && _context->InterruptFlag == 0;
        return false;
    }

    /// <summary>After an instruction: the traps that it left.</summary>
    private VirtualCpuExit? EndStep()
    {
        bool traps = _stepTrap;
        _stepTrap = false;
        if (!_stepCompleted)
        {
            _heldHits = 0;
            _stackLoaded = false;
            return null;
        }

        if (_midRepeat)
        {
            // Traps and interrupts after an element that is not the last save RF set, so that a breakpoint on the instruction does
            // not strike again (SDM volume 3, 17.3.1.1).
            _context->Registers.Rflags |= Cpu.RflagsBits.Resume;
        }
        else if (_step.Mnemonic is not (Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq))
        {
            _context->Registers.Rflags &= ~Cpu.RflagsBits.Resume;
        }

        if (IsStackLoad(_step))
        {
            _heldHits |= _stepHits;
            _stackLoaded = true;
            return null;
        }

        ulong hits = _heldHits | _stepHits;
        _heldHits = 0;
        _stackLoaded = false;

        // Software interrupts clear TF before the trap could come, and so does SYSCALL where the flag mask says so; what INT1
        // raises is the debug exception itself.
        traps &= _step.Mnemonic switch
        {
            Mnemonic.Int or Mnemonic.Int1 or Mnemonic.Int3 or Mnemonic.Into => false,
            Mnemonic.Syscall => (_context->Registers.Rflags & Cpu.RflagsBits.Trap) != 0,
            _ => true,
        };
        hits = _step.Mnemonic == Mnemonic.Int1 ? 0 : hits | (traps ? SingleStepHit : 0);
        _system.InterruptShadow |= _stepOpensInterrupts;
        ReleaseInterrupts();
        if (hits == 0)
        {
            return null;
        }

        _halted = false;
        return RaiseDebug(hits);
    }

    /// <summary>Sets the bits of DR0 to DR3 anew, adds the others, and delivers #DB.</summary>
    private VirtualCpuExit? RaiseDebug(ulong hits)
    {
        _context->Registers.AddDebugStatus(hits, BreakpointHits);
        return Deliver(new Fault(Fault.Debug)) ? null : TripleFault();
    }

    private static bool IsStackLoad(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Mov or Mnemonic.Pop
        && instruction.Op0Kind == OpKind.Register && instruction.Op0Register == Register.SS;
}
