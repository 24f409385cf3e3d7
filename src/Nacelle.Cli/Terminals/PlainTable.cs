using System.Globalization;
using Spectre.Console;

namespace Nacelle.Cli;

/// <summary>Text in aligned columns, without borders or colours, for terminals and files alike.</summary>
internal static class PlainTable
{
    private const int Width = 160;

    /// <summary>Writes rows below each other.</summary>
    /// <param name="columns">Whether each column is set flush right, as numbers are.</param>
    /// <param name="rows">As many cells as there are columns.</param>
    internal static string Write(IReadOnlyList<bool> columns, IEnumerable<string[]> rows)
    {
        using StringWriter writer = new(CultureInfo.InvariantCulture);
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = Width;
        Grid grid = new();
        for (int i = 0; i < columns.Count; i++)
        {
            GridColumn column = new GridColumn().NoWrap().PadLeft(0).PadRight(i == columns.Count - 1 ? 0 : 2);
            column.Alignment = columns[i] ? Justify.Right : Justify.Left;
            grid.AddColumn(column);
        }

        foreach (string[] row in rows)
        {
            grid.AddRow([.. row.Select(cell => new Text(cell))]);
        }

        console.Write(grid);
        return string.Join('\n', writer.ToString().Split('\n').Select(line => line.TrimEnd()));
    }
}
