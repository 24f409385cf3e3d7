namespace Nacelle.Devices.Interrupts;

/// <summary>
/// Which vCPU the calling thread runs. The LAPIC's registers lie at one address for all vCPUs, each of which sees its own.
/// </summary>
public static class CurrentProcessor
{
    [ThreadStatic]
    private static int t_indexPlusOne;

    /// <summary>The vCPU's number, or -1 on a thread that runs none.</summary>
    public static int Index
    {
        get => t_indexPlusOne - 1;
        set => t_indexPlusOne = value + 1;
    }
}
