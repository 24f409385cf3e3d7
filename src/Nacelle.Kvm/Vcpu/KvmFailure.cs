using System.Globalization;
using System.Text;
using Nacelle.Kvm.Interop;
using Nacelle.Memory;

namespace Nacelle.Kvm;

/// <summary>Words for exits that end a vCPU. For the vCPU's thread.</summary>
internal static unsafe class KvmFailure
{
    private const int InstructionLimit = 15;

    /// <summary>Says what the exit means, where the guest was and what stood there.</summary>
    public static string Describe(KvmRunArea* run, KvmHandle vcpu, GuestMemory ram)
    {
        string what = run->ExitReason switch
        {
            KvmExit.FailEntry => $"the processor refused to enter the guest, hardware reason 0x{run->HardwareReason:x}",
            KvmExit.InternalError => run->SubReason switch
            {
                1 => "KVM could not emulate an instruction",
                2 => "KVM met exceptions at the same time that cannot be",
                3 => "KVM met an exit while it delivered an event",
                4 => "KVM met a hardware exit that it does not know",
                uint reason => $"KVM internal error {reason}",
            },
            KvmExit.Halt => "the guest halted on a VM without interrupt controllers",
            uint reason => $"KVM exit {reason} is not known",
        };

        KvmRegisters registers;
        if (vcpu.Try(KvmRequest.GetRegisters, &registers) < 0)
        {
            return what;
        }

        Span<byte> instruction = stackalloc byte[InstructionLimit];
        int length = CopyReported(run, instruction);
        if (length == 0)
        {
            length = Fetch(vcpu, ram, registers.Rip, instruction);
        }

        StringBuilder line = new(what);
        line.Append(CultureInfo.InvariantCulture, $", rip 0x{registers.Rip:x}");
        if (length > 0)
        {
            line.Append(", instruction bytes");
            foreach (byte value in instruction[..length])
            {
                line.Append(CultureInfo.InvariantCulture, $" {value:x2}");
            }
        }

        return line.ToString();
    }

    /// <summary>Emulation failures carry the bytes where bit 0 of the first datum says so (KVM API, 5, KVM_EXIT_INTERNAL_ERROR).</summary>
    private static int CopyReported(KvmRunArea* run, Span<byte> instruction)
    {
        if (run->ExitReason != KvmExit.InternalError || run->SubReason != 1 || run->DataCount < 3 || (run->Data[0] & 1) == 0)
        {
            return 0;
        }

        int length = Math.Min(run->InstructionSize, (byte)InstructionLimit);
        new ReadOnlySpan<byte>(run->Instruction, length).CopyTo(instruction);
        return length;
    }

    private static int Fetch(KvmHandle vcpu, GuestMemory ram, ulong rip, Span<byte> instruction)
    {
        // CS has base 0 in 64-bit mode; elsewhere its base counts.
        KvmSystemRegisters system;
        if (vcpu.Try(KvmRequest.GetSystemRegisters, &system) < 0)
        {
            return 0;
        }

        KvmTranslation translation = new() { Linear = system.Cs.Base + rip };
        if (vcpu.Try(KvmRequest.Translate, &translation) < 0 || translation.Valid == 0)
        {
            return 0;
        }

        ulong inPage = GuestMemory.PageSize - (translation.Physical % GuestMemory.PageSize);
        int length = (int)Math.Min(inPage, InstructionLimit);
        return ram.TryRead(translation.Physical, instruction[..length]) ? length : 0;
    }
}
