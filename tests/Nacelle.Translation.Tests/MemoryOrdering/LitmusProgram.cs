namespace Nacelle.Translation.Tests.MemoryOrdering;

/// <summary>What an operation of a litmus test does.</summary>
internal enum LitmusKind
{
    /// <summary>Writes a value to a variable.</summary>
    Store,

    /// <summary>Reads a variable into a register.</summary>
    Load,

    /// <summary>Lets nothing pass until earlier stores can be seen by all.</summary>
    Fence,

    /// <summary>Atomically writes a value and reads what was there.</summary>
    Exchange,
}

/// <summary>Which instruction does it; all have the same meaning for memory order.</summary>
internal enum LitmusForm
{
    /// <summary>MOV; MFENCE; XCHG.</summary>
    Plain,

    /// <summary>MOVD from or to a vector register; a locked OR as fence; LOCK XADD-like exchange by LOCK CMPXCHG.</summary>
    Vector,

    /// <summary>STOSD, LODSD; XCHG with a scratch word as fence.</summary>
    String,

    /// <summary>REP with a count of one.</summary>
    Repeated,

    /// <summary>PUSH and POP with the stack pointer at the variable.</summary>
    Stack,
}

/// <summary>An operation of a litmus test.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Variable">Number of the variable.</param>
/// <param name="Value">The value written, 1 to 3.</param>
/// <param name="Register">Number of the register read into.</param>
internal readonly record struct LitmusOperation(LitmusKind Kind, int Variable = 0, int Value = 0, int Register = 0)
{
    public static readonly char[] VariableNames = ['x', 'y', 'z'];

    public override string ToString() => Kind switch
    {
        LitmusKind.Store => $"{VariableNames[Variable]}={Value}",
        LitmusKind.Load => $"r{Register}={VariableNames[Variable]}",
        LitmusKind.Exchange => $"r{Register}={VariableNames[Variable]}<->{Value}",
        _ => "fence",
    };
}

/// <summary>A litmus test: a few operations on each of some processors, over variables that begin with zero.</summary>
/// <param name="Threads">The operations of each processor.</param>
internal sealed record LitmusProgram(LitmusOperation[][] Threads)
{
    public const int MostVariables = 3;
    public const int MostRegisters = 3;

    /// <summary>Reads the notation "x=1; r0=y | y=1; r0=x": processors apart by bars, "fence", and "r0=x&lt;-&gt;1" to exchange.</summary>
    public static LitmusProgram Parse(string text) => new(
        [.. text.Split('|').Select(thread => thread.Split(';', StringSplitOptions.TrimEntries).Select(ParseOperation).ToArray())]);

    /// <summary>What an outcome consists of, in order: each register that is read into, and each variable that is written to.</summary>
    public IReadOnlyList<(int Thread, int Number)> Observed =>
    [
        .. Threads.SelectMany((thread, index) => thread
            .Where(operation => operation.Kind is LitmusKind.Load or LitmusKind.Exchange)
            .Select(operation => (index, operation.Register)).Distinct().Order()),
        .. Threads.SelectMany(thread => thread)
            .Where(operation => operation.Kind is LitmusKind.Store or LitmusKind.Exchange)
            .Select(operation => (-1, operation.Variable)).Distinct().Order(),
    ];

    /// <summary>An outcome in words.</summary>
    public string Describe(int outcome)
    {
        IReadOnlyList<(int Thread, int Number)> observed = Observed;
        return string.Join(' ', observed.Select((place, i) =>
        {
            int value = outcome >> (2 * (observed.Count - 1 - i)) & 3;
            return place.Thread < 0 ? $"{LitmusOperation.VariableNames[place.Number]}={value}" : $"P{place.Thread}:r{place.Number}={value}";
        }));
    }

    public override string ToString() => string.Join(" | ", Threads.Select(thread => string.Join("; ", thread)));

    private static LitmusOperation ParseOperation(string text)
    {
        if (text == "fence")
        {
            return new LitmusOperation(LitmusKind.Fence);
        }

        string[] sides = text.Split('=');
        if (sides[0][0] != 'r')
        {
            return new LitmusOperation(LitmusKind.Store, VariableOf(sides[0]), sides[1][0] - '0');
        }

        int register = sides[0][1] - '0';
        int exchange = sides[1].IndexOf("<->", StringComparison.Ordinal);
        return exchange < 0
            ? new LitmusOperation(LitmusKind.Load, VariableOf(sides[1]), Register: register)
            : new LitmusOperation(LitmusKind.Exchange, VariableOf(sides[1]), sides[1][exchange + 3] - '0', register);
    }

    private static int VariableOf(string text) => Array.IndexOf(LitmusOperation.VariableNames, text[0]);
}
