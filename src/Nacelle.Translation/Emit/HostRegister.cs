namespace Nacelle.Translation.Emit;

/// <summary>
/// The host's general registers and what they hold while translated code runs: all guest registers but four live in the
/// register of the same name.
/// </summary>
internal enum HostRegister
{
    Rax,
    Rcx,
    Rdx,
    Rbx,

    /// <summary>The monitor's stack: signals are delivered on it.</summary>
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,

    /// <summary>Holds the guest's RSP; the guest's R13 lives in memory.</summary>
    GuestStack,

    /// <summary>Free for emitted sequences; the guest's R14 lives in memory.</summary>
    Scratch1,

    /// <summary>Free for emitted sequences; the guest's R15 lives in memory.</summary>
    Scratch2,
}

/// <summary>Condition codes of Jcc (SDM volume 2, table B-10).</summary>
internal enum Condition
{
    Overflow,
    NotOverflow,
    Below,
    AboveOrEqual,
    Equal,
    NotEqual,
    BelowOrEqual,
    Above,
    Sign,
    NotSign,
    Parity,
    NotParity,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Greater,
}
