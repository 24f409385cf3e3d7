using System.Collections.Immutable;
using System.Globalization;

namespace Nacelle.Configuration;

/// <summary>Small changes that corrections are made of. Stateless.</summary>
internal static class ConfigurationChange
{
    internal static string Item(string list, int index) => string.Create(CultureInfo.InvariantCulture, $"{list}/{index}");

    internal static string Pointer(string property, int index) => string.Create(CultureInfo.InvariantCulture, $"/devices/{property}/{index}");

    internal static MachineConfiguration WithDevices(this MachineConfiguration machine, Func<DevicesConfiguration, DevicesConfiguration> change) =>
        machine with { Devices = change(machine.Devices) };

    internal static MachineConfiguration WithTuning(this MachineConfiguration machine, Func<CpuTuningConfiguration, CpuTuningConfiguration> change) =>
        machine with { CpuTuning = change(machine.CpuTuning ?? new()) };

    internal static IEnumerable<(int Index, T Item)> Indexed<T>(this ImmutableArray<T> items) => items.Select((item, index) => (index, item));
}
