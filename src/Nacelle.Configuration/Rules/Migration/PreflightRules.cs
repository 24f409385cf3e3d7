using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>MIG.STORAGE, MIG.MACHINE and MIG.TSC: what a migration needs beside the page's rows.</summary>
internal static class PreflightRules
{
    internal static Rule Storage { get; } = new()
    {
        Id = "MIG.STORAGE",
        Title = "storage that both hosts have",
        Row = "Both hosts of a migration see the same disks.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Migration,
        Explanation = "A migration moves memory and devices; disks stay where they are.",
        Remedy = "Put the disk on shared storage, or migrate its content as well.",
        Evaluate = CheckStorage,
    };

    internal static Rule Board { get; } = new()
    {
        Id = "MIG.MACHINE",
        Title = "version of the board",
        Row = "The guest finds the same board at the other host.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Migration,
        Explanation = "A name without a version stands for the newest board, which can be another one at a host with other software.",
        Remedy = "Name the version, such as pc-q35-7.2.",
        Evaluate = CheckBoard,
    };

    internal static Rule TimestampCounter { get; } = new()
    {
        Id = "MIG.TSC",
        Title = "frequency of the TSC",
        Row = "A TSC whose frequency is promised runs at it on both hosts.",
        Kind = RuleKind.Machine,
        Subject = RuleSubject.Migration,
        Explanation = "Where a host can neither run at the frequency nor scale, the guest's clock runs wrong from the first second.",
        Remedy = "Migrate to a host with TSC scaling or the same frequency, or let the guest use kvm-clock without invtsc.",
        Evaluate = CheckTsc,
    };

    private static IEnumerable<RuleMatch> CheckStorage(RuleContext context)
    {
        if (!context.IsMigration || context.Host is not { } source)
        {
            yield break;
        }

        foreach ((int index, DiskConfiguration disk) in context.Devices.Disks.Indexed())
        {
            if (disk is { Type: null or StorageType.File, Source.File: string path } && path.StartsWith('/') && source.MountOf(path) is { IsShared: false } mount)
            {
                string elsewhere = context.Destination?.MountOf(path) is { } other ? $", and {context.Destination.HostName} has {other.FileSystem} there" : "";
                yield return new RuleMatch(
                    $"{ConfigurationChange.Pointer("disks", index)}/source", $"migrating disk {disk.TargetName} in {path}",
                    $"it lies on {mount.FileSystem} at {mount.MountPoint}, which other hosts do not see{elsewhere}",
                    "put it on shared storage such as NFS, or copy it by a mirror job before");
            }
        }
    }

    private static IEnumerable<RuleMatch> CheckBoard(RuleContext context)
    {
        if (context.Destination is not null && context.Machine.Boot.Machine is ("pc" or "q35") and string board)
        {
            yield return new RuleMatch(
                "/boot/machine", $"migrating a guest of machine '{board}'", "the name has no version, and can be another board at the other host",
                $"give the version, such as {(board == "pc" ? "pc-i440fx-7.2" : "pc-q35-7.2")}");
        }
    }

    private static IEnumerable<RuleMatch> CheckTsc(RuleContext context)
    {
        if (context is not { Host: { } source, Destination: { } destination, Machine.Accelerator: AcceleratorChoice.Kvm })
        {
            yield break;
        }

        ulong? promised = context.Machine.Clock?.Timers.FirstOrDefault(timer => timer.Name == "tsc")?.Frequency;
        bool invariant = context.Machine.Cpu?.Features.Any(feature =>
            feature is { Name: "invtsc", Policy: null or CpuFeaturePolicy.Force or CpuFeaturePolicy.Require }) == true;
        if (promised is null && !invariant)
        {
            yield break;
        }

        ulong? wanted = promised ?? source.TimestampCounter.FrequencyHertz;
        ulong? offered = destination.TimestampCounter.FrequencyHertz;
        if (wanted is not null && offered is not null && !IsClose(wanted.Value, offered.Value) && destination.TimestampCounter.HasScaling != true)
        {
            yield return new RuleMatch(
                "/clock", $"a TSC of {wanted / 1_000_000} MHz at {destination.HostName}", $"its TSC runs at {offered / 1_000_000} MHz and cannot be scaled",
                "choose a host with TSC scaling or the same frequency, or leave invtsc and the frequency out");
        }
    }

    /// <summary>Within 250 parts in a million, which clocks of guests correct (the bound that KVM takes as well).</summary>
    private static bool IsClose(ulong left, ulong right) => Math.Abs((double)left - right) <= left * 250e-6;
}
