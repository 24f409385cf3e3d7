namespace Nacelle.Cpu;

/// <content>VMCALL and VMMCALL: the hypercalls of the KVM paravirtual interface (Linux documentation, virt/kvm/x86/hypercalls).</content>
public sealed unsafe partial class SystemInstructions
{
    private const long NotPermitted = -1;
    private const long InvalidArgument = -22;
    private const long NotOffered = -1000;

    /// <summary>
    /// VMCALL and VMMCALL, which are the same here whatever the vendor: RAX names the call, RBX, RCX, RDX and RSI are its
    /// arguments, RAX takes the result.
    /// </summary>
    public void Hypercall()
    {
        ref ulong rax = ref Gpr(GeneralRegister.Rax);
        bool wide = Is64Bit;
        long result = CurrentPrivilegeLevel != 0 ? NotPermitted : Call(
            Argument(rax),
            Argument(Gpr(GeneralRegister.Rbx)),
            Argument(Gpr(GeneralRegister.Rcx)),
            Argument(Gpr(GeneralRegister.Rdx)),
            Argument(Gpr(GeneralRegister.Rsi)));
        rax = wide ? (ulong)result : (uint)result;

        ulong Argument(ulong value) => wide ? value : (uint)value;
    }

    private long Call(ulong number, ulong low, ulong high, ulong first, ulong command)
    {
        const ulong pollInterrupts = 1;
        const ulong sendInterrupts = 10;
        return number switch
        {
            // Interrupts that are due are looked at after each instruction anyway.
            pollInterrupts => 0,
            sendInterrupts => SendInterrupts(low, high, first, command),
            _ => NotOffered,
        };
    }

    /// <summary>Sends an interrupt to each vCPU that a bitmap names.</summary>
    /// <param name="low">Bit n stands for APIC id <paramref name="first"/> + n.</param>
    /// <param name="high">Bit n stands for <paramref name="first"/> + n and as many as <paramref name="low"/> has bits.</param>
    /// <param name="first">The lowest APIC id.</param>
    /// <param name="command">Delivery mode and vector, as in the low half of the interrupt command register.</param>
    /// <returns>How many took it.</returns>
    private long SendInterrupts(ulong low, ulong high, ulong first, ulong command)
    {
        const ulong vectorAndMode = 0x7FF;
        if (_environment.LocalInterrupts is not { } local || (command & ~vectorAndMode) != 0)
        {
            return InvalidArgument;
        }

        int width = Is64Bit ? 64 : 32;
        long sent = 0;
        for (int i = 0; i < width * 2; i++)
        {
            ulong identifier = first + (ulong)i;
            bool named = ((i < width ? low >> i : high >> (i - width)) & 1) != 0;
            if (named && identifier <= uint.MaxValue && local.TrySend((uint)identifier, (uint)command))
            {
                sent++;
            }
        }

        return sent;
    }
}
