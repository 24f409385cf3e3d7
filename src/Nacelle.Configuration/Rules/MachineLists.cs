using System.Collections.Immutable;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>A list of a configuration whose items can be corrected one by one. Immutable; one object for each list.</summary>
internal abstract class MachineList(string pointer)
{
    /// <summary>JSON pointer of the list.</summary>
    public string Pointer { get; } = pointer;

    /// <summary>One item in a configuration that has nothing else; null where there is no such item.</summary>
    public abstract MachineConfiguration? Isolate(MachineConfiguration machine, int index);
}

/// <summary>A list of a configuration whose items can be corrected one by one. Immutable; one object for each list.</summary>
internal sealed class MachineList<T>(
    string pointer, Func<MachineConfiguration, ImmutableArray<T>> get, Func<MachineConfiguration, ImmutableArray<T>, MachineConfiguration> set)
    : MachineList(pointer)
{
    /// <summary>Reads it.</summary>
    public ImmutableArray<T> Get(MachineConfiguration machine) => get(machine);

    /// <inheritdoc/>
    public override MachineConfiguration? Isolate(MachineConfiguration machine, int index) =>
        index < get(machine).Length ? set(new MachineConfiguration(), [get(machine)[index]]) : null;

    /// <summary>Gives a configuration another.</summary>
    public MachineConfiguration Set(MachineConfiguration machine, ImmutableArray<T> items) => set(machine, items);
}

/// <summary>Lists that rules correct. Stateless.</summary>
internal static class MachineLists
{
    /// <summary>Takes one item out of all that a configuration has, so that it can be written without the rest.</summary>
    /// <param name="machine">The configuration.</param>
    /// <param name="pointer">The item's pointer; afterwards its pointer in what is returned.</param>
    /// <returns>Null where the pointer is none of an item of these lists.</returns>
    internal static MachineConfiguration? Isolate(MachineConfiguration machine, ref string pointer)
    {
        int slash = pointer.LastIndexOf('/');
        if (slash <= 0 || !int.TryParse(pointer.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int index))
        {
            return null;
        }

        foreach (MachineList list in (MachineList[])[Disks, Controllers, Features, VcpuSchedules, IoThreadSchedules])
        {
            if (list.Pointer.Length == slash && pointer.StartsWith(list.Pointer, StringComparison.Ordinal) && list.Isolate(machine, index) is { } alone)
            {
                pointer = ConfigurationChange.Item(list.Pointer, 0);
                return alone;
            }
        }

        return null;
    }

    internal static MachineList<DiskConfiguration> Disks { get; } = new(
        "/devices/disks", machine => machine.Devices.Disks, (machine, items) => machine.WithDevices(devices => devices with { Disks = items }));

    internal static MachineList<ControllerConfiguration> Controllers { get; } = new(
        "/devices/controllers", machine => machine.Devices.Controllers,
        (machine, items) => machine.WithDevices(devices => devices with { Controllers = items }));

    internal static MachineList<CpuFeatureConfiguration> Features { get; } = new(
        "/cpu/features", machine => machine.Cpu?.Features ?? [], (machine, items) => machine with { Cpu = (machine.Cpu ?? new()) with { Features = items } });

    internal static MachineList<VcpuScheduleConfiguration> VcpuSchedules { get; } = new(
        "/cpuTuning/vcpuSchedules", machine => machine.CpuTuning?.VcpuSchedules ?? [],
        (machine, items) => machine.WithTuning(old => old with { VcpuSchedules = items }));

    internal static MachineList<IoThreadScheduleConfiguration> IoThreadSchedules { get; } = new(
        "/cpuTuning/ioThreadSchedules", machine => machine.CpuTuning?.IoThreadSchedules ?? [],
        (machine, items) => machine.WithTuning(old => old with { IoThreadSchedules = items }));
}
