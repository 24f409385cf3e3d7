using Nacelle.Configuration;
using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>How pages for people are written to standard output. Stateless.</summary>
internal static class PageSettings
{
    /// <summary>Colours and the terminal's width on a terminal; neither in a file or pipe. NO_COLOR (no-color.org) takes colours away.</summary>
    internal static TextReportSettings Of(bool summaryOnly)
    {
        bool terminal = Terminal.IsTerminal(HostDescriptor.Output);
        bool colours = terminal
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") != "dumb";
        int width = (terminal ? Terminal.Columns(HostDescriptor.Output) : null) ?? TextReport.DefaultWidth;
        return new TextReportSettings(width, colours, summaryOnly);
    }
}
