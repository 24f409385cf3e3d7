using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>How many vCPUs there are.</summary>
public sealed record VcpuConfiguration
{
    /// <summary>With all that can be plugged.</summary>
    public int Maximum { get; init; } = 1;

    /// <summary>At start; null for all.</summary>
    public int? Current { get; init; }

    /// <summary>Host CPUs that they run on.</summary>
    public string? CpuSet { get; init; }

    /// <summary>static or auto.</summary>
    public string? Placement { get; init; }
}

/// <summary>One vCPU.</summary>
public sealed record VcpuStateConfiguration
{
    /// <summary>Its number.</summary>
    public int Id { get; init; }

    /// <summary>Whether it is there at start.</summary>
    public bool? Enabled { get; init; }

    /// <summary>Whether it can be plugged and unplugged.</summary>
    public bool? Hotpluggable { get; init; }

    /// <summary>Its place in the order of plugging.</summary>
    public int? Order { get; init; }
}

/// <summary>One I/O thread.</summary>
public sealed record IoThreadConfiguration
{
    /// <summary>Its number, from 1.</summary>
    public int Id { get; init; }

    /// <summary>Fewest worker threads.</summary>
    public int? ThreadPoolMinimum { get; init; }

    /// <summary>Most worker threads.</summary>
    public int? ThreadPoolMaximum { get; init; }

    /// <summary>Longest time of polling in nanoseconds.</summary>
    public ulong? PollMaximum { get; init; }

    /// <summary>Step by which polling gets longer.</summary>
    public ulong? PollGrow { get; init; }

    /// <summary>Step by which polling gets shorter.</summary>
    public ulong? PollShrink { get; init; }
}

/// <summary>Worker threads of the monitor's main loop.</summary>
public sealed record DefaultIoThreadConfiguration
{
    /// <summary>Fewest.</summary>
    public int? ThreadPoolMinimum { get; init; }

    /// <summary>Most.</summary>
    public int? ThreadPoolMaximum { get; init; }
}

/// <summary>How threads are scheduled on the host.</summary>
public sealed record CpuTuningConfiguration
{
    /// <summary>The machine's share of CPU time.</summary>
    public ulong? Shares { get; init; }

    /// <summary>Period of the vCPUs' quota in microseconds.</summary>
    public ulong? Period { get; init; }

    /// <summary>Microseconds that a vCPU may run in a period; -1 for no limit.</summary>
    public long? Quota { get; init; }

    /// <summary>Period of the whole machine's quota.</summary>
    public ulong? GlobalPeriod { get; init; }

    /// <summary>Microseconds that the machine may run in a period.</summary>
    public long? GlobalQuota { get; init; }

    /// <summary>Period of the monitor's own threads.</summary>
    public ulong? EmulatorPeriod { get; init; }

    /// <summary>Quota of the monitor's own threads.</summary>
    public long? EmulatorQuota { get; init; }

    /// <summary>Period of I/O threads.</summary>
    public ulong? IoThreadPeriod { get; init; }

    /// <summary>Quota of I/O threads.</summary>
    public long? IoThreadQuota { get; init; }

    /// <summary>Host CPUs of vCPUs.</summary>
    public ImmutableArray<VcpuPinConfiguration> VcpuPins { get; init; } = [];

    /// <summary>Host CPUs of the monitor's own threads.</summary>
    public string? EmulatorPin { get; init; }

    /// <summary>Host CPUs of I/O threads.</summary>
    public ImmutableArray<IoThreadPinConfiguration> IoThreadPins { get; init; } = [];

    /// <summary>Scheduling of vCPUs.</summary>
    public ImmutableArray<VcpuScheduleConfiguration> VcpuSchedules { get; init; } = [];

    /// <summary>Scheduling of I/O threads.</summary>
    public ImmutableArray<IoThreadScheduleConfiguration> IoThreadSchedules { get; init; } = [];

    /// <summary>Scheduling of the monitor's own threads.</summary>
    public EmulatorScheduleConfiguration? EmulatorSchedule { get; init; }
}

/// <summary>Host CPUs of one vCPU.</summary>
public sealed record VcpuPinConfiguration
{
    /// <summary>The vCPU.</summary>
    public int Vcpu { get; init; }

    /// <summary>Host CPUs.</summary>
    public string CpuSet { get; init; } = "0";
}

/// <summary>Host CPUs of one I/O thread.</summary>
public sealed record IoThreadPinConfiguration
{
    /// <summary>The I/O thread.</summary>
    public int IoThread { get; init; }

    /// <summary>Host CPUs.</summary>
    public string CpuSet { get; init; } = "0";
}

/// <summary>Scheduling of some vCPUs (sched(7)).</summary>
public sealed record VcpuScheduleConfiguration
{
    /// <summary>vCPUs, such as 0-3.</summary>
    public string Vcpus { get; init; } = "0";

    /// <summary>batch, idle, fifo or rr.</summary>
    public string Scheduler { get; init; } = "fifo";

    /// <summary>1 to 99 for fifo and rr.</summary>
    public int? Priority { get; init; }
}

/// <summary>Scheduling of some I/O threads (sched(7)).</summary>
public sealed record IoThreadScheduleConfiguration
{
    /// <summary>I/O threads, such as 1-2.</summary>
    public string IoThreads { get; init; } = "1";

    /// <summary>batch, idle, fifo or rr.</summary>
    public string Scheduler { get; init; } = "fifo";

    /// <summary>1 to 99 for fifo and rr.</summary>
    public int? Priority { get; init; }
}

/// <summary>Scheduling of the monitor's own threads (sched(7)).</summary>
public sealed record EmulatorScheduleConfiguration
{
    /// <summary>batch, idle, fifo or rr.</summary>
    public string Scheduler { get; init; } = "fifo";

    /// <summary>1 to 99 for fifo and rr.</summary>
    public int? Priority { get; init; }
}
