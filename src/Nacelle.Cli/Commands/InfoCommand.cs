using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Nacelle.Kvm;

namespace Nacelle.Cli;

/// <summary><c>nacelle info</c>: what the host offers to machines.</summary>
internal sealed class InfoCommand : Command, IDocumentedCommand
{
    private const int ModelsInALine = 8;
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object for programs." };

    /// <summary>Makes the command.</summary>
    internal InfoCommand() : base("info", "Print what this host offers: accelerators, memory, networking and disk I/O.")
    {
        Add(_json);
        SetAction(result => CommandLine.Print(
            result.GetValue(_json) ? Json(HostReport.Gather()) : Table(HostReport.Gather())));
    }

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle info [--json]",
        [
            new("See which accelerator --accel auto takes here, and why", "nacelle info"),
            new("Ask that in a script", "nacelle info --json | jq -r .automaticAccelerator"),
        ],
        []);

    /// <summary>The report as JSON.</summary>
    internal static string Json(HostReport report) =>
        JsonSerializer.Serialize(report, HostReportJson.Default.HostReport) + "\n";

    /// <summary>The report as aligned lines.</summary>
    internal static string Table(HostReport report) =>
        PlainTable.Write([false, false], Rows(report).Select(row => new[] { row.Name, row.Value }));

    private static IEnumerable<(string Name, string Value)> Rows(HostReport report)
    {
        yield return ("Nacelle", report.Version);
        yield return ("host kernel", report.KernelRelease);
        yield return ("processor", string.Create(CultureInfo.InvariantCulture, $"{report.LogicalProcessors} × {report.Processor}"));
        yield return ("memory", $"{Mebibytes(report.MemoryBytes)}, {Mebibytes(report.AvailableMemoryBytes)} available");
        yield return ("--accel auto", $"{report.AutomaticAccelerator ?? "none"}: {report.AutomaticReason}");
        yield return ("KVM", Describe(report.Kvm));
        if (report.KvmFacts is { } facts)
        {
            yield return ("", Describe(facts));
        }

        yield return ("translator", Describe(report.Translator));
        foreach ((string accelerator, IReadOnlyList<string>? models) in ((string, IReadOnlyList<string>?)[])
            [("kvm", report.CpuModels.Kvm), ("translator", report.CpuModels.Translator)])
        {
            string name = $"--cpu on {accelerator}";
            foreach (string[] line in models?.Chunk(ModelsInALine) ?? [])
            {
                yield return (name, string.Join(' ', line));
                name = "";
            }
        }

        yield return ("taps", Describe(report.Tap));
        yield return ("user networking", Describe(report.UserNetworking));
        yield return ("io_uring", Describe(report.IoUring));
    }

    private static string Describe(HostFeature feature) => $"{(feature.Available ? "yes" : "no")}: {feature.Detail}";

    private static string Describe(KvmFacts facts)
    {
        string ring = facts.DirtyRingBytes > 0 ? "yes" : "no";
        string nested = facts.Nested ? "yes" : "no";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"up to {facts.MaximumVcpus} vCPUs ({facts.RecommendedVcpus} recommended), dirty ring {ring}, nested virtualisation {nested}");
    }

    private static string Mebibytes(ulong bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20} MiB");
}
