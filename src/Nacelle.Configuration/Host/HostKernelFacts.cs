namespace Nacelle.Configuration;

/// <summary>A host's kernel. Immutable.</summary>
public sealed record HostKernelFacts
{
    /// <summary>Release, as uname -r has it.</summary>
    public required string Release { get; init; }

    /// <summary>Build, as uname -v has it; a real-time kernel names PREEMPT_RT here.</summary>
    public required string Build { get; init; }

    /// <summary>The command line that it was booted with.</summary>
    public required string CommandLine { get; init; }

    /// <summary>Whether it is built with PREEMPT_RT: /sys/kernel/realtime says 1, or <see cref="Build"/> names it.</summary>
    public required bool IsRealTime { get; init; }

    /// <summary>Processors that the scheduler leaves alone (isolcpus=).</summary>
    public required CpuSet IsolatedCpus { get; init; }

    /// <summary>Processors that run without a periodic tick (nohz_full=).</summary>
    public required CpuSet TicklessCpus { get; init; }

    /// <summary>Major and minor number of <see cref="Release"/>; 0.0 where it begins with no number.</summary>
    public Version Number
    {
        get
        {
            string digits = string.Concat(Release.TakeWhile(character => char.IsAsciiDigit(character) || character == '.'));
            string[] parts = digits.Split('.');
            return parts.Length >= 2
                && int.TryParse(parts[0], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int major)
                && int.TryParse(parts[1], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int minor)
                ? new Version(major, minor)
                : new Version(0, 0);
        }
    }

    /// <summary>Whether the command line has a word, such as "noexec=off".</summary>
    public bool HasOption(string word) => CommandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries).Contains(word);
}

/// <summary>What a user of the host may do. Immutable.</summary>
public sealed record HostLimitFacts
{
    /// <summary>RLIMIT_RTPRIO: the highest priority for SCHED_FIFO and SCHED_RR, 0 to 99; null for no limit.</summary>
    public required int? RealTimePriority { get; init; }

    /// <summary>RLIMIT_MEMLOCK in bytes; null for no limit.</summary>
    public required ulong? LockedMemoryBytes { get; init; }

    /// <summary>Whether CAP_SYS_NICE lifts <see cref="RealTimePriority"/>.</summary>
    public required bool MaySetAnyPriority { get; init; }

    /// <summary>Whether CAP_IPC_LOCK lifts <see cref="LockedMemoryBytes"/>.</summary>
    public required bool MayLockAnyMemory { get; init; }

    /// <summary>Whether threads may be given a real-time priority.</summary>
    /// <param name="priority">1 to 99.</param>
    public bool AllowsRealTimePriority(int priority) => MaySetAnyPriority || RealTimePriority is null || RealTimePriority >= priority;

    /// <summary>Whether so much memory may be locked.</summary>
    public bool AllowsLocking(ulong bytes) => MayLockAnyMemory || LockedMemoryBytes is null || LockedMemoryBytes >= bytes;
}
