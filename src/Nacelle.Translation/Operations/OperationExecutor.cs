using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Memory;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Operations;

/// <summary>How an operation of the monitor ended.</summary>
internal enum OperationResult
{
    /// <summary>Done; RIP is to be moved past the instruction.</summary>
    Next,

    /// <summary>Done; RIP is set.</summary>
    Transferred,

    /// <summary>Not finished: carry it out again.</summary>
    Again,

    /// <summary>Refused; the fault is pending.</summary>
    Fault,

    /// <summary>HLT: wait for an interrupt.</summary>
    Halt,

    /// <summary>Plain computation whose operand needs the bounce buffer.</summary>
    Careful,

    /// <summary>The processor has shut down.</summary>
    Shutdown,

    /// <summary>Not known to the translator.</summary>
    Unknown,
}

/// <summary>
/// Carries out the instructions that are not translated: system instructions, far transfers, string operations, and everything
/// about the stack where emitted code does not serve. Owned by the vCPU's thread.
/// </summary>
/// <remarks>RIP holds the instruction's address while it is carried out; flags in the registers are complete.</remarks>
internal sealed unsafe partial class OperationExecutor
{
    private readonly TranslatorContext* _context;
    private readonly LinearMemory _memory;
    private readonly SystemInstructions _system;
    private readonly IProcessorEnvironment _environment;
    private readonly OperandAccess _operands;
    private readonly StackAccess _stack;
    private readonly StringOperations _strings;
    private readonly MaskedOperations _masked;

    public OperationExecutor(
        TranslatorContext* context, LinearMemory memory, SystemInstructions system, IProcessorEnvironment environment)
    {
        _context = context;
        _memory = memory;
        _system = system;
        _environment = environment;
        _operands = new OperandAccess(context, memory);
        _stack = new StackAccess(context, memory, _operands);
        _strings = new StringOperations(context, memory, _operands, environment);
        _masked = new MaskedOperations(context, memory, _operands, InstructionSet.Of(environment.Cpuid).IsAmd);
        Masked = new MaskedMemory(context, memory, _operands);
    }

    /// <summary>Operands, for the careful way.</summary>
    public OperandAccess Operands => _operands;

    /// <summary>Masked operands, for the careful way and for debuggers.</summary>
    public MaskedMemory Masked { get; }

    private ref ulong Register(GeneralRegister register) => ref _context->Registers.General[(int)register];

    /// <summary>Carries out one instruction.</summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="oneElement">Whether a repeated string instruction does one element at a time, each of which may be trapped.</param>
    public OperationResult Execute(in Instruction instruction, bool oneElement = false)
    {
        if (instruction.IsInvalid)
        {
            return instruction.Length >= GuestDecoder.TooLong ? RefuseProtection() : Refuse(Fault.UndefinedInstruction);
        }

        if (CodeSegmentWrites.Contains(instruction, _memory.Mode))
        {
            bool pops = instruction.Mnemonic == Mnemonic.Pop;
            if ((_context->Registers.Rflags & Cpu.RflagsBits.Virtual8086) != 0)
            {
                return pops ? Pop(instruction) : OperationResult.Careful;
            }

            // POP looks at the stack before it comes to write.
            return pops && !_stack.TryPeek(0, instruction.StackPointerIncrement, out _) ? OperationResult.Fault : RefuseProtection();
        }

        if (instruction.IsStringInstruction)
        {
            return ExecuteString(instruction, oneElement);
        }

        OperationResult result = ExecuteTransfer(instruction);
        if (result == OperationResult.Unknown)
        {
            result = ExecuteStack(instruction);
        }

        if (result == OperationResult.Unknown)
        {
            result = ExecuteDecimal(instruction);
        }

        return result == OperationResult.Unknown ? ExecuteSystem(instruction) : result;
    }

    private static OperationResult Done(bool succeeded) => succeeded ? OperationResult.Next : OperationResult.Fault;

    private static OperationResult Transferred(bool succeeded) => succeeded ? OperationResult.Transferred : OperationResult.Fault;

    private OperationResult Refuse(Fault fault)
    {
        _memory.PendingFault = fault;
        return OperationResult.Fault;
    }

    private OperationResult RefuseProtection() => Refuse(Fault.GeneralProtectionFault());

    private OperationResult Write(in Instruction instruction, ulong value) => Done(_operands.TryWrite(instruction, 0, value));

    private OperationResult ExecuteString(in Instruction instruction, bool oneElement)
    {
        if (instruction.Mnemonic is Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd or Mnemonic.Outsb or Mnemonic.Outsw or Mnemonic.Outsd
            && !_system.CheckPort((ushort)Register(GeneralRegister.Rdx), instruction.MemorySize.GetSize()))
        {
            return OperationResult.Fault;
        }

        return !_strings.TryExecute(instruction, oneElement ? 1 : StringOperations.MostElements, out bool finished) ? OperationResult.Fault
            : finished ? OperationResult.Next : OperationResult.Again;
    }
}
