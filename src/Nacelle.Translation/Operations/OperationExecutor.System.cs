using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Emit;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

internal sealed unsafe partial class OperationExecutor
{
    private OperationResult ExecuteSystem(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Mov:
                return MoveSystem(instruction);
            case Mnemonic.Hlt:
                return IsPrivileged() ? OperationResult.Halt : RefuseProtection();
            case Mnemonic.Cli:
                return Done(_system.ClearInterruptFlag());
            case Mnemonic.Sti:
                return Done(_system.SetInterruptFlag());
            case Mnemonic.Stac or Mnemonic.Clac:
                return Done(_system.SetAlignmentCheckFlag(instruction.Mnemonic == Mnemonic.Stac));
            case Mnemonic.Cpuid:
                return Cpuid();
            case Mnemonic.Rdtsc or Mnemonic.Rdtscp:
                return ReadTimestamp(instruction.Mnemonic == Mnemonic.Rdtscp);
            case Mnemonic.Rdpmc:
                return Done(_system.ReadPerformanceCounter());
            case Mnemonic.Rdpid:
                _operands.WriteRegister(instruction.Op0Register, _context->Registers.TscAux);
                return OperationResult.Next;
            case Mnemonic.Rdmsr:
                return ReadMsr();
            case Mnemonic.Wrmsr:
                return Done(_system.WriteMsr((uint)Register(GeneralRegister.Rcx), Pair()));
            case Mnemonic.Rdpkru:
                return ReadKeyRights();
            case Mnemonic.Wrpkru:
                return Done(_system.WriteProtectionKeyRights(
                    (uint)Register(GeneralRegister.Rcx), (uint)Register(GeneralRegister.Rdx), (uint)Register(GeneralRegister.Rax)));
            case Mnemonic.Xgetbv:
                return GetExtendedControl();
            case Mnemonic.Xsetbv:
                return Done(_system.SetExtendedControl((uint)Register(GeneralRegister.Rcx), Pair()));
            case Mnemonic.In:
                return Input(instruction);
            case Mnemonic.Out:
                return Output(instruction);
            case Mnemonic.Swapgs:
                return Done(_system.SwapGs());
            case Mnemonic.Rdfsbase or Mnemonic.Rdgsbase:
                return ReadSegmentBase(instruction);
            case Mnemonic.Wrfsbase or Mnemonic.Wrgsbase:
                return Done(_system.WriteSegmentBase(
                    instruction.Mnemonic == Mnemonic.Wrfsbase ? SegmentName.Fs : SegmentName.Gs,
                    _operands.ReadRegister(instruction.Op0Register)));
            case Mnemonic.Clts:
                return Done(_system.ClearTaskSwitched());
            case Mnemonic.Smsw:
                return _system.StoreMachineStatusWord(out ulong status) ? Write(instruction, status) : OperationResult.Fault;
            case Mnemonic.Lmsw when !IsPrivileged():
                return RefuseProtection();
            case Mnemonic.Lmsw:
                return _operands.TryRead(instruction, 0, out ulong word)
                    ? Done(_system.LoadMachineStatusWord((ushort)word))
                    : OperationResult.Fault;
            case Mnemonic.Invlpg:
                return Done(_system.InvalidatePage(_operands.LinearAddress(instruction)));
            case Mnemonic.Invpcid:
                return Done(_operands.TryLocate(instruction, 16, write: false, out ulong context)
                    && _system.InvalidateProcessContext(_operands.ReadRegister(instruction.Op0Register), context));
            case Mnemonic.Vmcall or Mnemonic.Vmmcall:
                _system.Hypercall();
                return OperationResult.Next;
            case Mnemonic.Invd or Mnemonic.Wbinvd or Mnemonic.Wbnoinvd:
                return Done(_system.InvalidateCaches());
            case Mnemonic.Xlatb:
                return Translate(instruction);
            default:
                return ExecuteDescriptor(instruction);
        }
    }

    private OperationResult ExecuteDescriptor(in Instruction instruction)
    {
        // Privilege is checked before the operand is touched.
        if (instruction.Mnemonic is Mnemonic.Lgdt or Mnemonic.Lidt && !IsPrivileged())
        {
            return RefuseProtection();
        }

        if (instruction.Mnemonic is Mnemonic.Lldt or Mnemonic.Ltr && !IsPrivileged()
            && (_context->Registers.Rflags & Cpu.RflagsBits.Virtual8086) == 0)
        {
            return RefuseProtection();
        }

        switch (instruction.Mnemonic)
        {
            case Mnemonic.Lgdt:
                return Done(TryLocateTable(instruction, write: false, out ulong gdt)
                    && _system.LoadGdt(gdt, TableOperandSize(instruction)));
            case Mnemonic.Lidt:
                return Done(TryLocateTable(instruction, write: false, out ulong idt)
                    && _system.LoadIdt(idt, TableOperandSize(instruction)));
            case Mnemonic.Sgdt:
                return Done(TryLocateTable(instruction, write: true, out ulong storedGdt) && _system.StoreGdt(storedGdt));
            case Mnemonic.Sidt:
                return Done(TryLocateTable(instruction, write: true, out ulong storedIdt) && _system.StoreIdt(storedIdt));
            case Mnemonic.Sldt:
                return _system.StoreLdt(out ushort ldt) ? Write(instruction, ldt) : OperationResult.Fault;
            case Mnemonic.Str:
                return _system.StoreTaskRegister(out ushort task) ? Write(instruction, task) : OperationResult.Fault;
            case Mnemonic.Lldt:
                return TryReadSelector(instruction, 0, out ushort newLdt) ? Done(_system.LoadLdt(newLdt)) : OperationResult.Fault;
            case Mnemonic.Ltr:
                return TryReadSelector(instruction, 0, out ushort newTask)
                    ? Done(_system.LoadTaskRegister(newTask))
                    : OperationResult.Fault;
            case Mnemonic.Lar or Mnemonic.Lsl or Mnemonic.Verr or Mnemonic.Verw:
                return InspectSegment(instruction);
            case Mnemonic.Arpl:
                return AdjustPrivilege(instruction);
            case Mnemonic.Lds or Mnemonic.Les or Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Lss:
                return LoadFarPointer(instruction);
            default:
                return ExecuteRest(instruction);
        }
    }

    private OperationResult ExecuteRest(in Instruction instruction)
    {
        if (instruction.Mnemonic is Mnemonic.Clflush or Mnemonic.Clflushopt or Mnemonic.Clwb)
        {
            return Done(_operands.TryLocate(instruction, 1, write: false, out ulong line) && _memory.TryProbeRead(line, 1));
        }

        if (instruction.Mnemonic == Mnemonic.Clzero)
        {
            return ClearLine(instruction);
        }

        if (VectorInstructions.NeedsState(instruction))
        {
            OperationResult result = CheckVectorState(instruction);
            return result != OperationResult.Careful || !MaskedOperations.IsAlways(instruction) ? result : ExecuteMasked(instruction);
        }

        if (BitStringEmitter.Applies(instruction))
        {
            return OperationResult.Careful;
        }

        // Whatever has come here no processor has that a guest is offered.
        return Refuse(Fault.UndefinedInstruction);
    }

    private OperationResult ExecuteMasked(in Instruction instruction)
    {
        byte* state = ContextOffsets.ExtendedState(_context);
        bool isWaiting = (*(ulong*)(state + 512) & 1) != 0 && (state[2] & 0x80) != 0;
        return isWaiting && VectorInstructions.WaitsForUnit(instruction)
            ? Refuse(new Fault(Fault.FloatingPoint))
            : Done(_masked.TryExecute(instruction));
    }

    /// <summary>#NM and #UD of x87 and vector instructions (SDM volume 3, tables 2-3 and 13-1); otherwise they go the careful way.</summary>
    private OperationResult CheckVectorState(in Instruction instruction)
    {
        const ulong emulation = 4;
        const ulong taskSwitched = 8;
        const ulong osfxsr = 1 << 9;
        if (instruction.Mnemonic == Mnemonic.Wait)
        {
            const ulong monitor = 2;
            return (~_context->Registers.Cr0 & (monitor | taskSwitched)) == 0
                ? Refuse(new Fault(Fault.DeviceNotAvailable))
                : OperationResult.Careful;
        }

        bool unit = VectorInstructions.IsFloatingPointUnit(instruction);
        ulong cr0 = _context->Registers.Cr0;
        if (instruction.Encoding != EncodingKind.Legacy || IsXsave(instruction))
        {
            return CheckEnabledState(instruction);
        }

        if (!unit && ((cr0 & emulation) != 0 || (_context->Registers.Cr4 & osfxsr) == 0) && !IsFxsave(instruction))
        {
            return Refuse(Fault.UndefinedInstruction);
        }

        return (cr0 & (emulation | taskSwitched)) != 0
            ? Refuse(new Fault(Fault.DeviceNotAvailable))
            : OperationResult.Careful;
    }

    /// <summary>What VEX and EVEX encodings and the XSAVE family ask for: CR4.OSXSAVE and their state in XCR0 (SDM volume 2, table 2-21).</summary>
    private OperationResult CheckEnabledState(in Instruction instruction)
    {
        const ulong osxsave = 1 << 18;
        const ulong taskSwitched = 8;
        ulong needed = IsXsave(instruction) ? 0UL : VectorInstructions.NeedsMaskState(instruction) ? 0xE6UL : 6UL;
        if ((_context->Registers.Cr4 & osxsave) == 0 || (_context->Registers.Xcr0 & needed) != needed)
        {
            return Refuse(Fault.UndefinedInstruction);
        }

        return (_context->Registers.Cr0 & taskSwitched) != 0
            ? Refuse(new Fault(Fault.DeviceNotAvailable))
            : OperationResult.Careful;
    }

    private static bool IsXsave(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Xsave or Mnemonic.Xsave64
        or Mnemonic.Xsavec or Mnemonic.Xsavec64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xrstor or Mnemonic.Xrstor64;

    private static bool IsFxsave(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64;

    private static int TableOperandSize(in Instruction instruction) => instruction.Code switch
    {
        Code.Lgdt_m1664 or Code.Lidt_m1664 => 8,
        Code.Lgdt_m1632 or Code.Lidt_m1632 => 4,
        _ => 2,
    };

    private bool TryLocateTable(in Instruction instruction, bool write, out ulong address) =>
        _operands.TryLocate(instruction, _memory.Mode.IsLong ? 10 : 6, write, out address, alignment: 4);

    private bool IsPrivileged() => _context->Registers.PrivilegeLevel == 0;

    private ulong Pair() => (uint)Register(GeneralRegister.Rax) | (Register(GeneralRegister.Rdx) << 32);

    private void SetPair(ulong value)
    {
        Register(GeneralRegister.Rax) = (uint)value;
        Register(GeneralRegister.Rdx) = value >> 32;
    }

    private OperationResult MoveSystem(in Instruction instruction)
    {
        Register target = instruction.Op0Kind == OpKind.Register ? instruction.Op0Register : Iced.Intel.Register.None;
        Register source = instruction.Op1Kind == OpKind.Register ? instruction.Op1Register : Iced.Intel.Register.None;
        if (target.IsSegmentRegister())
        {
            return TryReadSelector(instruction, 1, out ushort selector)
                ? Done(_system.LoadSegment((SegmentName)(target - Iced.Intel.Register.ES), selector))
                : OperationResult.Fault;
        }

        if (source.IsSegmentRegister())
        {
            return Write(instruction, _context->Registers.Segment((SegmentName)(source - Iced.Intel.Register.ES)).Selector);
        }

        if (target.IsCR())
        {
            return Done(_system.WriteControlRegister(target - Iced.Intel.Register.CR0, _operands.ReadRegister(source)));
        }

        if (source.IsCR())
        {
            return _system.ReadControlRegister(source - Iced.Intel.Register.CR0, out ulong control)
                ? Write(instruction, control)
                : OperationResult.Fault;
        }

        if (target.IsDR())
        {
            return Done(_system.WriteDebugRegister(target - Iced.Intel.Register.DR0, _operands.ReadRegister(source)));
        }

        if (source.IsDR())
        {
            return _system.ReadDebugRegister(source - Iced.Intel.Register.DR0, out ulong debug)
                ? Write(instruction, debug)
                : OperationResult.Fault;
        }

        return Refuse(Fault.UndefinedInstruction);
    }

    private OperationResult Cpuid()
    {
        CpuidResult result = _system.Identify((uint)Register(GeneralRegister.Rax), (uint)Register(GeneralRegister.Rcx));
        Register(GeneralRegister.Rax) = result.Eax;
        Register(GeneralRegister.Rbx) = result.Ebx;
        Register(GeneralRegister.Rcx) = result.Ecx;
        Register(GeneralRegister.Rdx) = result.Edx;
        return OperationResult.Next;
    }

    private OperationResult ReadTimestamp(bool withProcessor)
    {
        if (!_system.ReadTimestamp(out ulong value))
        {
            return OperationResult.Fault;
        }

        SetPair(value);
        if (withProcessor)
        {
            Register(GeneralRegister.Rcx) = (uint)_context->Registers.TscAux;
        }

        return OperationResult.Next;
    }

    private OperationResult ReadMsr()
    {
        if (!_system.ReadMsr((uint)Register(GeneralRegister.Rcx), out ulong value))
        {
            return OperationResult.Fault;
        }

        SetPair(value);
        return OperationResult.Next;
    }

    private OperationResult ReadKeyRights()
    {
        if (!_system.ReadProtectionKeyRights((uint)Register(GeneralRegister.Rcx), out uint rights))
        {
            return OperationResult.Fault;
        }

        SetPair(rights);
        return OperationResult.Next;
    }

    private OperationResult GetExtendedControl()
    {
        if (!_system.GetExtendedControl((uint)Register(GeneralRegister.Rcx), out ulong value))
        {
            return OperationResult.Fault;
        }

        SetPair(value);
        return OperationResult.Next;
    }

    private OperationResult Input(in Instruction instruction)
    {
        int size = instruction.Op0Register.GetSize();
        ushort port = instruction.Op1Kind == OpKind.Register ? (ushort)Register(GeneralRegister.Rdx) : instruction.Immediate8;
        if (!_system.ReadPort(port, size, out uint value))
        {
            return OperationResult.Fault;
        }

        _operands.WriteRegister(instruction.Op0Register, value);
        return OperationResult.Next;
    }

    private OperationResult Output(in Instruction instruction)
    {
        int size = instruction.Op1Register.GetSize();
        ushort port = instruction.Op0Kind == OpKind.Register ? (ushort)Register(GeneralRegister.Rdx) : instruction.Immediate8;
        return Done(_system.WritePort(port, size, (uint)_operands.ReadRegister(instruction.Op1Register)));
    }

    private OperationResult ReadSegmentBase(in Instruction instruction)
    {
        SegmentName name = instruction.Mnemonic == Mnemonic.Rdfsbase ? SegmentName.Fs : SegmentName.Gs;
        if (!_system.ReadSegmentBase(name, out ulong value))
        {
            return OperationResult.Fault;
        }

        _operands.WriteRegister(instruction.Op0Register, value);
        return OperationResult.Next;
    }

    /// <summary>CLZERO clears the cache line at rAX (AMD APM volume 3, CLZERO).</summary>
    private OperationResult ClearLine(in Instruction instruction)
    {
        const int lineSize = 64;
        ulong offset = Register(GeneralRegister.Rax);
        offset = instruction.Code switch { Code.Clzerow => (ushort)offset, Code.Clzerod => (uint)offset, _ => offset };
        Register segment = instruction.SegmentPrefix == Iced.Intel.Register.None ? Iced.Intel.Register.DS : instruction.SegmentPrefix;
        if (!_operands.TryLocate(segment, offset, 1, write: true, out ulong address))
        {
            return OperationResult.Fault;
        }

        address &= ~(ulong)(lineSize - 1);
        byte* zeros = stackalloc byte[lineSize];
        new Span<byte>(zeros, lineSize).Clear();
        return Done(_memory.TryCopyOut(_memory.CurrentTlb, address, zeros, lineSize));
    }

    private OperationResult Translate(in Instruction instruction)
    {
        ulong offset = _operands.ReadRegister(instruction.MemoryBase) + (byte)Register(GeneralRegister.Rax);
        offset = instruction.MemoryBase.GetSize() switch { 2 => (ushort)offset, 4 => (uint)offset, _ => offset };
        if (!_operands.TryLocate(instruction.MemorySegment, offset, 1, write: false, out ulong address)
            || !_memory.TryRead(address, 1, LinearAccess.Ordinary, out ulong value))
        {
            return OperationResult.Fault;
        }

        _operands.WriteRegister(Iced.Intel.Register.AL, value);
        return OperationResult.Next;
    }
}
