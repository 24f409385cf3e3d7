namespace Nacelle.Configuration;

/// <summary>C2.MIG-CACHE.</summary>
internal static class MigrationRules
{
    internal static Rule Cache { get; } = new()
    {
        Id = "C2.MIG-CACHE",
        Title = "cache modes and migration",
        Row = "For migration, cache=none must be given for all block devices opened for writing; otherwise disk corruption can result.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Migration,
        Explanation = "The page cache of the destination may be stale and that of the source dirty; O_DIRECT avoids both. The page knows cache=none alone; "
            + "profile none lets pass what is coherent as well.",
        Remedy = "Give the driver cache='none'.",
        Evaluate = Check,
    };

    private static IEnumerable<RuleMatch> Check(RuleContext context)
    {
        if (!context.IsMigration)
        {
            yield break;
        }

        bool literal = context.Setting.Literal != false;
        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            if (!IsWritten(disk))
            {
                continue;
            }

            DiskCache cache = disk.Driver?.Cache ?? DiskCache.Default;
            bool coherent = cache == DiskCache.DirectSync
                || (cache != DiskCache.Unsafe && (disk.Shareable || disk.Type is StorageType.Network));
            if (cache == DiskCache.None || (!literal && coherent))
            {
                continue;
            }

            string pointer = ConfigurationChange.Pointer("disks", index);
            yield return new RuleMatch(
                disk.Driver is null ? pointer : $"{pointer}/driver",
                cache == DiskCache.Default
                    ? $"migrating disk {disk.TargetName} with the default cache mode, which is writeback"
                    : $"migrating disk {disk.TargetName} with cache mode {ConfigurationWords.DiskCache.Format(cache)}",
                literal ? "the profile migrates writable disks with cache='none' alone" : "the host's page cache can corrupt it when the other host takes over",
                "give its driver cache='none'")
            {
                Correct = Correction.OfItem(MachineLists.Disks, index, old => old with { Driver = (old.Driver ?? new()) with { Cache = DiskCache.None } }),
                Shown = pointer,
            };
        }
    }

    private static bool IsWritten(DiskConfiguration disk) =>
        !disk.ReadOnly && disk.Device is not "cdrom" && disk.Type is not (StorageType.VhostUser or StorageType.Nvme) && disk.Source is not null
        && !(disk.Device == "floppy" && disk.Source is { File: null, Device: null });
}
