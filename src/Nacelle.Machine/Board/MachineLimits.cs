using System.Globalization;

namespace Nacelle.Machine.Board;

/// <summary>What this machine can be, checked before anything is made.</summary>
internal static class MachineLimits
{
    private const ulong SmallestMemory = 2UL << 20;
    private const ulong MemoryStep = 2UL << 20;

    /// <summary>Checks a description against the machine and the host.</summary>
    /// <exception cref="MachineException">Something does not fit.</exception>
    internal static void Check(MachineDescription description)
    {
        if (description.VirtualCpus is < 1 or > MachineDescription.MaximumVirtualCpus)
        {
            throw new MachineException(
                MachineErrorKind.Configuration,
                $"{description.VirtualCpus} vCPUs were asked for: this machine takes 1 to {MachineDescription.MaximumVirtualCpus}");
        }

        if (description.MemoryBytes < SmallestMemory || description.MemoryBytes % MemoryStep != 0)
        {
            throw new MachineException(
                MachineErrorKind.Configuration,
                $"{description.MemoryBytes} bytes of memory were asked for: the size must be a multiple of 2 MiB and not zero");
        }

        if (!description.IntervalTimer && description.Accelerator != AcceleratorChoice.Translator)
        {
            throw new MachineException(
                MachineErrorKind.Configuration,
                "a machine without the 8254 timer was asked for and KVM's interrupt controllers come with one: take the translator");
        }

        if (description.Translator.Refusal is string refusal)
        {
            throw new MachineException(MachineErrorKind.Configuration, refusal);
        }

        if (HostMemory() is ulong host && description.MemoryBytes > host)
        {
            throw new MachineException(
                MachineErrorKind.HostResource,
                $"{description.MemoryBytes >> 20} MiB of memory were asked for and the host has {host >> 20} MiB with swap: ask for less");
        }
    }

    /// <summary>RAM and swap of the host in bytes; null when it does not say.</summary>
    private static ulong? HostMemory()
    {
        ulong total = 0;
        try
        {
            foreach (string line in File.ReadLines("/proc/meminfo"))
            {
                if (line.StartsWith("MemTotal:", StringComparison.Ordinal) || line.StartsWith("SwapTotal:", StringComparison.Ordinal))
                {
                    string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    total += ulong.Parse(words[1], CultureInfo.InvariantCulture) << 10;
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return total == 0 ? null : total;
    }
}
