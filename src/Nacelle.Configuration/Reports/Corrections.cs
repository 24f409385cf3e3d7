using System.Collections.Immutable;
using System.Text;

namespace Nacelle.Configuration;

/// <summary>A configuration with all corrections that need no decision, in the form that it was given in. Immutable.</summary>
public sealed record Corrections
{
    /// <summary>The text.</summary>
    public required string Text { get; init; }

    /// <summary>The text in the encoding that it was read in.</summary>
    public required ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>Whether all that no correction changes is as it was, comments and what is not understood included.</summary>
    public required bool IsInPlace { get; init; }

    /// <summary>What was corrected, in the order of the text that was checked.</summary>
    public required ImmutableArray<ReportEntry> Done { get; init; }

    /// <summary>The corrected text, checked again: its entries are what is left.</summary>
    public required CheckedDocument Left { get; init; }

    /// <summary>Whether texts of a form are written again.</summary>
    internal static bool IsWritten(MachineDocumentForm form) => form is MachineDocumentForm.DomainXml or MachineDocumentForm.Json;

    /// <summary>Corrects a text that was checked.</summary>
    /// <param name="report">How it was checked.</param>
    /// <param name="document">The text; its configuration could be read.</param>
    /// <param name="name">What the corrected text is called.</param>
    /// <exception cref="ConfigurationException">The text has no configuration, a form that is not written, or a part that cannot be written.</exception>
    public static Corrections Make(CheckReport report, CheckedDocument document, string name)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(document);
        MachineDocumentForm form = document.Document.Form;
        if (document.Document.Configuration is not MachineConfiguration configuration)
        {
            throw new ConfigurationException($"'{document.Name}' cannot be used, and nothing can be corrected before it can");
        }

        if (!IsWritten(form))
        {
            throw new ConfigurationException("corrected arguments are not written: convert them to domain XML or JSON first");
        }

        MachineConfiguration corrected = RuleChecker.Correct(configuration, document.Findings);
        string? edited = form == MachineDocumentForm.DomainXml ? Edit(document.Text.Text, configuration, corrected) : null;
        string text = edited ?? DocumentParts.Write(form, corrected);
        byte[] bytes = edited is null ? Encoding.UTF8.GetBytes(text) : document.Text.Encode(text);
        MachineDocument again = form == MachineDocumentForm.Json ? MachineConfigurationJson.Read(bytes) : DomainXmlDocument.Read(bytes);
        if (again.Configuration is null)
        {
            throw new ConfigurationException(
                $"'{document.Name}' cannot be written so that it reads back: {again.Problems[0].Message}; correct that by hand first");
        }

        CheckReport second = (report with { Documents = [] }).With(name, again, SourceText.Decode(bytes, form));
        return new Corrections
        {
            Text = text,
            Bytes = bytes,
            IsInPlace = edited is not null,
            Done = [.. document.Entries.Where(entry => entry.IsCorrectable)],
            Left = second.Documents[0],
        };
    }

    /// <summary>The text with the corrections alone; null where they cannot be made in it.</summary>
    private static string? Edit(string text, MachineConfiguration before, MachineConfiguration after)
    {
        if (XmlTextEditor.Edit(text, DomainXmlDocument.ToTree(before), DomainXmlDocument.ToTree(after)) is not string edited)
        {
            return null;
        }

        // What it says is asked for once more: nobody takes an editor's word for it. Its declaration may name another encoding than a text has.
        string plain = edited.StartsWith("<?xml", StringComparison.Ordinal) ? edited[(edited.IndexOf("?>", StringComparison.Ordinal) + 2)..].TrimStart() : edited;
        return DomainXmlDocument.Read(Encoding.UTF8.GetBytes(plain)).Configuration is { } read && DomainXmlDocument.Write(read) == DomainXmlDocument.Write(after) ? edited : null;
    }
}
