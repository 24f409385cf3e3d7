namespace Nacelle.Configuration;

/// <summary>Writes one text of a report as a section of its page. Stateless.</summary>
internal static class HtmlDocument
{
    /// <summary>Lines shown before and after the one that is to blame.</summary>
    private const int Context = 1;

    /// <summary>Columns of an excerpt; further ones of a long line are cut.</summary>
    private const int ExcerptWidth = 160;

    /// <summary>Fewer findings need no table of contents.</summary>
    private const int FewestForTable = 3;

    /// <summary>Writes the section.</summary>
    /// <param name="page">The page.</param>
    /// <param name="document">The text.</param>
    /// <param name="number">Its place in the report, for links.</param>
    internal static void Write(HtmlText page, CheckedDocument document, int number)
    {
        page.Raw("<section class=\"document\">\n<h2>").Text(document.Name).Raw("</h2>\n<p class=\"about\">");
        if (document.Document.Configuration is MachineConfiguration machine)
        {
            page.Text(machine.Name is { Length: > 0 } name ? $"guest {name}, " : "").Text($"{FormOf(document.Document.Form)}: {document.Count}");
        }
        else
        {
            page.Text("The text cannot be used, and no other rule was asked.");
        }

        page.Raw("</p>\n");
        if (document.Entries.Length >= FewestForTable)
        {
            WriteTable(page, document, number);
        }

        for (int i = 0; i < document.Entries.Length; i++)
        {
            WriteEntry(page, document, document.Entries[i], $"finding-{number}-{i}");
        }

        page.Raw("</section>\n");
    }

    private static string FormOf(MachineDocumentForm form) => form switch
    {
        MachineDocumentForm.DomainXml => "domain XML",
        MachineDocumentForm.Json => "JSON",
        MachineDocumentForm.QemuArguments => "arguments for QEMU",
        _ => "options",
    };

    private static void WriteTable(HtmlText page, CheckedDocument document, int number)
    {
        page.Raw("<table>\n<thead><tr><th>line</th><th>severity</th><th>rule</th><th>asked</th></tr></thead>\n<tbody>\n");
        for (int i = 0; i < document.Entries.Length; i++)
        {
            ReportEntry entry = document.Entries[i];
            page.Raw($"<tr class=\"entry {entry.Word}\"><td class=\"line\">").Text(entry.Position.IsKnown ? $"{entry.Position.Line}" : "").Raw("</td><td>");
            WriteBadge(page, entry);
            page.Raw("</td><td><code>").Text(entry.RuleId).Raw($"</code></td><td><a href=\"#finding-{number}-{i}\">").Text(entry.Asked ?? entry.Reason).Raw("</a></td></tr>\n");
        }

        page.Raw("</tbody>\n</table>\n");
    }

    private static void WriteEntry(HtmlText page, CheckedDocument document, ReportEntry entry, string id)
    {
        page.Raw($"<article class=\"entry {entry.Word}\" id=\"{id}\">\n<h3>");
        WriteBadge(page, entry);
        page.Raw(" <a class=\"rule\" href=\"#rule-").Text(entry.RuleId).Raw("\"><code>").Text(entry.RuleId).Raw("</code></a> ").Text(entry.Title);
        page.Raw("<span class=\"place\">").Text(entry.Position.IsKnown ? $"{document.Name}:{entry.Position}" : document.Name).Raw("</span></h3>\n");
        WriteSource(page, document.Text, entry);
        page.Raw("<dl>\n");
        page.Fact("asked", entry.Asked);
        page.Fact("why", entry.Reason);
        page.Fact("change", entry.Remedy);
        page.Raw("</dl>\n");
        if (entry.Change.Length != 0)
        {
            WriteChange(page, entry);
        }

        page.Raw("</article>\n");
    }

    private static void WriteBadge(HtmlText page, ReportEntry entry) => page.Raw($"<span class=\"badge {entry.Word}\">").Text(entry.Word).Raw("</span>");

    private static void WriteSource(HtmlText page, SourceText source, ReportEntry entry)
    {
        if (source.LineAt(entry.Position, out _) is null)
        {
            return;
        }

        page.Raw("<pre class=\"source\">");
        for (int number = entry.Position.Line - Context; number <= entry.Position.Line + Context; number++)
        {
            bool isIt = number == entry.Position.Line;
            if (source.LineAt(isIt ? entry.Position : new SourcePosition(number, 1), out int column) is not string line)
            {
                continue;
            }

            SourceExcerpt excerpt = isIt
                ? SourceExcerpt.Cut(line, column, source.TokenLength(entry.Position), ExcerptWidth)
                : SourceExcerpt.Cut(line, 1, 0, ExcerptWidth);
            page.Raw(isIt ? "<span class=\"it\"><i>" : "<span><i>").Number(number).Raw("</i>").Text(excerpt.Text[..excerpt.Start]);
            if (isIt)
            {
                page.Raw("<mark>").Text(excerpt.Text.Substring(excerpt.Start, excerpt.Characters)).Raw("</mark>");
            }

            page.Text(excerpt.Text[(excerpt.Start + (isIt ? excerpt.Characters : 0))..]).Raw("</span>\n");
        }

        page.Raw("</pre>\n");
    }

    private static void WriteChange(HtmlText page, ReportEntry entry)
    {
        page.Raw("<details open>\n<summary>instead</summary>\n<pre class=\"change\">");
        foreach (DifferenceLine line in entry.Change)
        {
            (string name, string mark) = line.Kind switch
            {
                DifferenceKind.Removed => ("removed", "- "),
                DifferenceKind.Added => ("added", "+ "),
                DifferenceKind.Gap => ("gap", "  …"),
                _ => ("same", "  "),
            };
            page.Raw($"<span class=\"{name}\">{mark}").Text(line.Text).Raw("</span>\n");
        }

        page.Raw("</pre>\n</details>\n");
    }
}
