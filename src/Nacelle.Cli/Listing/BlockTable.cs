using System.Collections.Immutable;
using System.Globalization;
using Nacelle.Translation;
using Spectre.Console;

namespace Nacelle.Cli;

/// <summary>Writes a listed block for people: guest instructions at the left, what they became at the right.</summary>
internal sealed class BlockTable : IDisposable
{
    private const int Width = 240;
    private static readonly Style s_title = new(Color.Yellow, decoration: Decoration.Bold);
    private static readonly Style s_dim = new(Color.Grey);
    private static readonly Style s_guest = new(Color.Green);
    private static readonly Style s_host = Style.Plain;
    private readonly StringWriter _writer = new(CultureInfo.InvariantCulture);
    private readonly IAnsiConsole _console;
    private readonly bool _stubs;

    /// <summary>Prepares.</summary>
    /// <param name="colours">Whether the reader is a terminal that shows colours.</param>
    /// <param name="stubs">Whether code that is out of line is written too.</param>
    internal BlockTable(bool colours, bool stubs)
    {
        _stubs = stubs;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = colours ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = colours ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(_writer),
        });
        _console.Profile.Width = Width;
    }

    /// <summary>Writes one block and an empty line.</summary>
    internal string Write(ListedBlock block)
    {
        _console.Write(new Text($"{block.Address}  {block.Mode}", s_title));
        _console.WriteLine();
        _console.Write(new Text(Summary(block), s_dim));
        _console.WriteLine();
        Grid grid = new();
        foreach (int padding in (ReadOnlySpan<int>)[2, 3, 2, 0])
        {
            grid.AddColumn(new GridColumn().NoWrap().PadLeft(0).PadRight(padding));
        }

        AddRows(grid, "", "(entry)", s_dim, block.Entry);
        foreach (ListedInstruction instruction in block.Instructions)
        {
            AddRows(grid, instruction.Address, instruction.Text, s_guest, instruction.Host);
        }

        if (_stubs)
        {
            AddRows(grid, "", "(stubs)", s_dim, block.Stubs);
        }

        _console.Write(grid);
        string text = string.Join('\n', _writer.ToString().Split('\n').Select(line => line.TrimEnd()));
        _writer.GetStringBuilder().Clear();
        return text + "\n";
    }

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private static string Summary(ListedBlock block) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(block.VirtualCpu is int cpu ? $"vCPU {cpu}, physical {block.PhysicalAddress}; " : "")}{block.Instructions.Length} instructions in {block.GuestLength} bytes became {block.Instructions.Sum(instruction => instruction.Host.Length)} in line, {block.InlineLength} bytes, with stubs {block.HostLength}");

    private static void AddRows(Grid grid, string address, string text, Style style, ImmutableArray<ListedHostInstruction> host)
    {
        if (host.IsEmpty && address.Length == 0)
        {
            return;
        }

        for (int i = 0; i < Math.Max(host.Length, 1); i++)
        {
            ListedHostInstruction? instruction = i < host.Length ? host[i] : null;
            grid.AddRow(
                new Text(i == 0 ? address : "", s_dim),
                new Text(i == 0 ? text : "", style),
                new Text(instruction?.Address ?? "", s_dim),
                new Text(instruction?.Text ?? "(nothing)", instruction is null ? s_dim : s_host));
        }
    }
}
