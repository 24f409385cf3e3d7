using Nacelle.Cpu;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <summary>
/// Measures how long a vCPU is out of translated code, and why: from where the exit notes the time until translated code is
/// entered again, a halt begins, or the vCPU returns to its caller. Owned by the vCPU's thread.
/// </summary>
internal sealed unsafe class ExitClock(TranslatorContext* context)
{
    private const int None = -1;
    private readonly ulong[] _ticks = new ulong[Enum.GetValues<ExitKind>().Length];
    private int _kind = None;
    private ulong _since;
    private ulong _translation;

    /// <summary>Nanoseconds in an exit of a kind, without the translation of blocks.</summary>
    public ulong Nanoseconds(ExitKind kind) => ToNanoseconds(_ticks[(int)kind]);

    /// <summary>Nanoseconds in the translation of blocks.</summary>
    public ulong TranslationNanoseconds => ToNanoseconds(_translation);

    /// <summary>Nanoseconds in misses of the soft TLB that translated code itself waits for.</summary>
    public ulong MissNanoseconds => ToNanoseconds(context->MissTicks);

    /// <summary>Translated code has been left.</summary>
    public void Begin(ExitReason reason)
    {
        _since = context->LeftAt;
        _kind = (int)(reason switch
        {
            ExitReason.Link => ExitKind.Link,
            ExitReason.Lookup => ExitKind.Lookup,
            ExitReason.Operation or ExitReason.Repeated => ExitKind.Operation,
            _ => ExitKind.Other,
        });
    }

    /// <summary>What was asked has been done. Further calls count nothing until the next <see cref="Begin"/>.</summary>
    public void End()
    {
        if (_kind != None)
        {
            _ticks[_kind] += HostTimestamp.Read() - _since;
            _kind = None;
        }
    }

    /// <summary>A block has been translated, which is no part of the exit.</summary>
    /// <param name="start">The time-stamp counter at its beginning.</param>
    public void AddTranslation(ulong start)
    {
        ulong ticks = HostTimestamp.Read() - start;
        _translation += ticks;
        _since += ticks;
    }

    private static ulong ToNanoseconds(ulong ticks) => (ulong)(ticks * (1e9 / TimestampCalibration.Frequency));
}

/// <summary>Kinds of exits whose time is told apart.</summary>
internal enum ExitKind
{
    /// <summary>To link a direct branch.</summary>
    Link,

    /// <summary>For the target of an indirect branch.</summary>
    Lookup,

    /// <summary>For an instruction that the monitor carries out.</summary>
    Operation,

    /// <summary>All others.</summary>
    Other,
}
