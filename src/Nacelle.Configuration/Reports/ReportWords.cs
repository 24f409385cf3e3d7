namespace Nacelle.Configuration;

/// <summary>Words of reports for enumerations, the same on the command line, in text and in JSON. Stateless.</summary>
public static class ReportWords
{
    private static readonly WordTable<FindingSeverity> s_severities = new(
        (FindingSeverity.Notice, "notice"),
        (FindingSeverity.Warning, "warning"),
        (FindingSeverity.Refusal, "refusal"));

    private static readonly WordTable<MachineOperation> s_operations = new(
        (MachineOperation.Migrate, "migrate"),
        (MachineOperation.Save, "save"),
        (MachineOperation.Snapshot, "snapshot"),
        (MachineOperation.BlockJob, "block-job"),
        (MachineOperation.PlugVcpu, "plug-vcpu"),
        (MachineOperation.UnplugVcpu, "unplug-vcpu"),
        (MachineOperation.PlugMemory, "plug-memory"),
        (MachineOperation.PlugIoThread, "plug-io-thread"),
        (MachineOperation.PlugMultifunction, "plug-multifunction"),
        (MachineOperation.Throttle, "throttle"),
        (MachineOperation.Dump, "dump"));

    private static readonly WordTable<RuleKind> s_kinds = new(
        (RuleKind.Absent, "absent"),
        (RuleKind.Disabled, "disabled"),
        (RuleKind.Support, "support"),
        (RuleKind.Machine, "machine"),
        (RuleKind.Trap, "trap"));

    private static readonly WordTable<RuleSubject> s_subjects = new(
        (RuleSubject.Configuration, "configuration"),
        (RuleSubject.Host, "host"),
        (RuleSubject.Operation, "operation"),
        (RuleSubject.Migration, "migration"));

    private static readonly WordTable<MachineDocumentForm> s_forms = new(
        (MachineDocumentForm.DomainXml, "domain-xml"),
        (MachineDocumentForm.Json, "json"),
        (MachineDocumentForm.QemuArguments, "qemu-arguments"),
        (MachineDocumentForm.CommandLine, "command-line"));

    /// <summary>Words of all operations.</summary>
    public static IReadOnlyList<string> Operations => s_operations.Words;

    /// <summary>Word of a severity: notice, warning, refusal.</summary>
    public static string Of(FindingSeverity severity) => s_severities.Format(severity);

    /// <summary>Word of an operation, such as block-job.</summary>
    public static string Of(MachineOperation operation) => s_operations.Format(operation);

    /// <summary>Word of a rule's kind.</summary>
    public static string Of(RuleKind kind) => s_kinds.Format(kind);

    /// <summary>Word of what a rule looks at.</summary>
    public static string Of(RuleSubject subject) => s_subjects.Format(subject);

    /// <summary>Word of a text's form.</summary>
    public static string Of(MachineDocumentForm form) => s_forms.Format(form);

    /// <summary>What a rule's kind means, in a sentence.</summary>
    public static string Meaning(RuleKind kind) => kind switch
    {
        RuleKind.Absent => "The release's code had no such thing.",
        RuleKind.Disabled => "The code had it, and the package was built without.",
        RuleKind.Support => "It works, and is not supported.",
        RuleKind.Machine => "No machine can do it.",
        _ => "Other monitors take it without a word, and it does not do what was meant.",
    };

    /// <summary>What a rule looks at, in a sentence.</summary>
    public static string Meaning(RuleSubject subject) => subject switch
    {
        RuleSubject.Configuration => "It looks at the configuration alone.",
        RuleSubject.Host => "It looks at the configuration and at the host, where one is given.",
        RuleSubject.Operation => "It looks at operations on the running machine.",
        _ => "It looks at a move from one host to another.",
    };

    /// <summary>Reads an operation's word.</summary>
    /// <exception cref="ConfigurationException">It is none.</exception>
    public static MachineOperation ParseOperation(string word) => s_operations.TryParse(word, out MachineOperation operation)
        ? operation
        : throw new ConfigurationException(NearestName.Refusal("operation", word, [.. Operations]));

    /// <summary>A number with its noun, such as "1 refusal", "2 refusals".</summary>
    internal static string Count(int count, string noun) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{count} {noun}{(count == 1 ? "" : "s")}");
}
