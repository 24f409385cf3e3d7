using Iced.Intel;

namespace Nacelle.Translation.Emit;

/// <summary>Where guest registers live while translated code runs.</summary>
internal static class GuestRegisters
{
    /// <summary>Number 0 to 15 of the general register that a register is or is part of, or -1.</summary>
    public static int NumberOf(Register register)
    {
        if (!register.IsGPR())
        {
            return -1;
        }

        return register is >= Register.AH and <= Register.BH
            ? register - Register.AH
            : register.GetFullRegister() - Register.RAX;
    }

    /// <summary>Number of RSP, whose host register has another name.</summary>
    public const int StackPointer = 4;

    /// <summary>Number of RBP.</summary>
    public const int FramePointer = 5;

    /// <summary>R13 to R15 live in the context.</summary>
    public static bool IsInMemory(int number) => number >= 13;

    /// <summary>The host register of a guest register that has one.</summary>
    public static HostRegister HostOf(int number) => number == StackPointer ? HostRegister.GuestStack : (HostRegister)number;

    /// <summary>The part of a host register that has the same width as a guest register.</summary>
    public static Register Rename(Register register, HostRegister host) => register.GetSize() switch
    {
        1 => (int)host < 4 ? Register.AL + (int)host : Register.SPL + ((int)host - 4),
        2 => Register.AX + (int)host,
        4 => Register.EAX + (int)host,
        _ => Register.RAX + (int)host,
    };
}
