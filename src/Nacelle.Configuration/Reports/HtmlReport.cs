using System.Collections.Immutable;
using System.Reflection;

namespace Nacelle.Configuration;

/// <summary>Writes reports as one page for browsers: nothing is fetched, no script runs, and all of a document's text is escaped. Stateless.</summary>
public static class HtmlReport
{
    private static readonly Lazy<string> s_style = new(ReadStyle);

    private static readonly (string Word, string Plural)[] s_severities =
        [("error", "errors"), ("refusal", "refusals"), ("warning", "warnings"), ("notice", "notices")];

    /// <summary>Writes a report.</summary>
    public static string Write(CheckReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        HtmlText page = new();
        page.Raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");

        // Should an escape ever be missing, a browser still runs and fetches nothing.
        page.Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
        page.Raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
        page.Raw("<title>").Text(Title(report)).Raw("</title>\n<style>\n").Raw(s_style.Value).Raw("</style>\n</head>\n<body>\n<main>\n");
        WriteHead(page, report);
        for (int i = 0; i < report.Documents.Length; i++)
        {
            HtmlDocument.Write(page, report.Documents[i], i);
        }

        WriteRules(page, report);
        page.Raw("<footer>Written by ").Text(report.Program).Raw(".</footer>\n</main>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static string Title(CheckReport report) => report.Documents is [CheckedDocument only]
        ? $"{only.Name}: {only.Count} under profile {report.Profile.Name}"
        : $"{ReportWords.Count(report.Documents.Length, "machine")}: {report.Count} under profile {report.Profile.Name}";

    private static void WriteHead(HtmlText page, CheckReport report)
    {
        ReportCount count = report.Count;
        page.Raw($"<header class=\"{count.Worst}\">\n<h1>").Text(Verdict(count)).Raw("</h1>\n<p>");
        page.Text($"{ReportWords.Count(report.Documents.Length, "machine")} checked under profile ").Raw("<strong>").Text(report.Profile.Name).Raw("</strong>: ");
        page.Text($"{report.Profile.Title}.").Raw("</p>\n</header>\n");
        WriteCards(page, count);
        page.Raw("<dl class=\"facts\">\n");
        page.Fact("host", Describe(report.Host) ?? (report.RulesWithoutHost.Length == 0
            ? "none was given"
            : $"none was given, and these rules look at one: {string.Join(", ", report.RulesWithoutHost)}"));
        page.Fact("moved to", Describe(report.Destination));
        page.Fact("operations", Join(report.Operations.Select(ReportWords.Of)));
        page.Fact("overridden", Join(report.Overridden));
        page.Raw("</dl>\n");
    }

    private static string Verdict(ReportCount count) => count.Worst switch
    {
        "error" => "A text cannot be used",
        "refusal" => "Refused",
        "warning" => "Works, with warnings",
        "notice" => "Well, with notices",
        _ => "Nothing to say",
    };

    /// <summary>A card for each severity, which is also the switch that shows or hides its findings.</summary>
    private static void WriteCards(HtmlText page, ReportCount count)
    {
        int[] counts = [count.Errors, count.Refusals, count.Warnings, count.Notices];
        page.Raw("<div class=\"cards\">\n");
        foreach (((string word, string plural), int number) in s_severities.Zip(counts))
        {
            if (number == 0 && word == "error")
            {
                continue;
            }

            string off = number == 0 ? " disabled" : "";
            page.Raw($"<label class=\"card {word}{(number == 0 ? " none" : "")}\"><input type=\"checkbox\" id=\"show-{word}\" checked{off}>");
            page.Raw("<b>").Number(number).Raw("</b><span>").Text(number == 1 ? word : plural).Raw("</span></label>\n");
        }

        page.Raw("<div class=\"card fix\"><b>").Number(count.Correctable).Raw("</b><span>corrected by --fix</span></div>\n</div>\n");
    }

    private static string? Describe(HostFacts? host) => host is null
        ? null
        : $"{host.HostName}: {host.Cpu.Name}, kernel {host.Kernel.Release}, gathered {host.GatheredAt.UtcDateTime:yyyy-MM-dd HH:mm} UTC";

    private static string? Join(IEnumerable<string> words) => string.Join(", ", words) is { Length: > 0 } text ? text : null;

    private static void WriteRules(HtmlText page, CheckReport report)
    {
        HashSet<string> found = [.. report.Documents.SelectMany(document => document.Entries).Select(entry => entry.RuleId)];
        ImmutableArray<Rule> rules = [.. ReportRules.All.Where(rule => found.Contains(rule.Id))];
        if (rules.Length == 0)
        {
            return;
        }

        page.Raw("<section class=\"rules\">\n<h2>The rules</h2>\n");
        foreach (Rule rule in rules)
        {
            page.Raw("<details id=\"rule-").Text(rule.Id).Raw("\">\n<summary><code>").Text(rule.Id).Raw("</code> ").Text(rule.Row).Raw("</summary>\n<dl>\n");
            page.Fact("why", rule.Explanation);
            page.Fact("change", rule.Remedy);
            page.Fact("kind", ReportWords.Meaning(rule.Kind));
            page.Fact("looks at", ReportWords.Meaning(rule.Subject));
            page.Fact("override", rule.CanBeOverridden ? $"--override {rule.Id}; the machine is then unsupported" : null);
            page.Raw("</dl>\n</details>\n");
        }

        page.Raw("</section>\n");
    }

    private static string ReadStyle()
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("Nacelle.Configuration.Reports.report.css")
            ?? throw new InvalidOperationException("the style of reports is not in the program");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }
}
