using System.Text;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary>Does what <c>nacelle check</c> is asked. Stateless.</summary>
internal static class MachineCheck
{
    private const string ArgumentsName = "QEMU arguments";
    private const string ArgumentsExtension = ".args";
    private const string StandardInput = "standard input";

    /// <summary>Checks, prints and writes.</summary>
    /// <param name="find">Finds out what is asked.</param>
    /// <returns>The exit code.</returns>
    internal static int Run(Func<CheckSettings> find)
    {
        Notices notices = new();
        try
        {
            return Run(find(), notices);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            notices.Error(error.Message);
            return (int)ExitCode.HostResource;
        }
        catch (ConfigurationException error)
        {
            notices.Error(error.Message);
            return (int)ExitCode.Configuration;
        }
    }

    private static int Run(CheckSettings settings, Notices notices)
    {
        CheckReport report = new()
        {
            Program = $"nacelle {HostReport.ProgramVersion}",
            Profile = settings.Profile.Profile,
            Overridden = settings.Profile.Overridden,
            Host = settings.OnThisHost ? HostFactsGatherer.Gather() : Facts(settings.HostFile),
            Destination = Facts(settings.DestinationFile),
            Operations = settings.Operations,
        };
        bool isWhole = true;
        foreach (string file in settings.Files)
        {
            if (Read(file, notices) is byte[] bytes)
            {
                MachineDocument document = IsArguments(file) ? QemuArgumentsDocument.ReadFile(bytes) : MachineDocument.Read(bytes);
                report = report.With(file == "-" ? StandardInput : file, document, SourceText.Decode(bytes, document.Form));
            }
            else
            {
                isWhole = false;
            }
        }

        if (settings.QemuArguments is { } arguments)
        {
            report = report.With(ArgumentsName, QemuArgumentsDocument.Read(arguments), SourceText.OfArguments(arguments));
        }

        int printed = Print(report, settings);
        if (settings.HtmlFile is string page && report.Documents.Length != 0)
        {
            OutputFile.Write(page, Encoding.UTF8.GetBytes(HtmlReport.Write(report)));
        }

        int code = settings.FixFile is null || report.Documents.Length == 0
            ? ExitCodes.Of(report.Count)
            : CorrectedFile.Write(report, settings.FixFile, settings.Force, notices);
        return printed != (int)ExitCode.Success ? printed : isWhole ? code : (int)ExitCode.HostResource;
    }

    private static int Print(CheckReport report, CheckSettings settings)
    {
        if (report.Documents.Length == 0)
        {
            return (int)ExitCode.Success;
        }

        return CommandLine.Print(settings.Format switch
        {
            CheckFormat.Json => JsonReport.Write(report),
            CheckFormat.Sarif => SarifReport.Write(report),
            _ => TextReport.Write(report, PageSettings.Of(settings.Quiet)),
        });
    }

    private static HostFacts? Facts(string? file) => file is null ? null : HostFactsFile.Read(file);

    private static bool IsArguments(string file) => file.EndsWith(ArgumentsExtension, StringComparison.Ordinal);

    /// <summary>One file that is not there does not keep the others from being checked.</summary>
    private static byte[]? Read(string file, Notices notices)
    {
        try
        {
            return DocumentFile.Read(file);
        }
        catch (ConfigurationException error)
        {
            notices.Error(error.Message);
            return null;
        }
    }
}
