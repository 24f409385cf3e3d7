using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Nacelle.Configuration;
using Nacelle.Linux;
using Nacelle.Translation;

namespace Nacelle.Cli;

/// <summary><c>nacelle debug blocks</c>: shows guest code beside what it was translated to.</summary>
internal sealed class DebugBlocksCommand : Command, IDocumentedCommand
{
    // More than anybody reads; keeps a mistyped file name from filling memory.
    private const int LargestCode = 16 << 20;
    private static readonly string[] s_modes = ["16", "32", "64"];

    private readonly Argument<string?> _file = new("FILE")
    {
        Description = "A listing of 'nacelle run --translator-listing'.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<AddressRange> _range = OptionFactory.Single(
        "--range", "START-END", "Only blocks that touch these linear addresses; END is exclusive.", AddressRange.Parse, "0-0xffffffffffffffff");

    private readonly Option<string?> _code = OptionFactory.Single(
        "--code", "FILE|-", "Translate the bytes of a file, or of standard input, instead; no guest is needed.",
        text => MachineOptions.ParsePath("code", text));

    private readonly Option<string?> _mode = OptionFactory.Single("--mode", "16|32|64", "With --code: the width of the code.", ParseMode, null, s_modes);

    private readonly Option<ulong> _address = OptionFactory.Single(
        "--address", "ADDRESS", "With --code: linear address of the first byte.", AddressRange.ParseAddress, "0x400000");

    private readonly Option<bool> _user = new("--user") { Description = "With --code: the code runs at privilege level 3." };

    private readonly Option<bool> _stubs = new("--stubs") { Description = "Show code that is out of line too: misses and ways out." };

    private readonly Option<bool> _json = new("--json") { Description = "Print a JSON object for each block, a line each, stubs and bytes included." };

    /// <summary>Makes the command.</summary>
    internal DebugBlocksCommand() : base("blocks", "Show guest code beside the host code that it was translated to.")
    {
        Add(_file);
        foreach (Option option in (Option[])[_range, _code, _mode, _address, _user, _stubs, _json])
        {
            Add(option);
        }

        Validators.Add(Check);
        SetAction(Show);
    }

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle debug blocks FILE [--range START-END] [options]\n       nacelle debug blocks --code FILE|- --mode 16|32|64 [options]",
        [
            new("List the kernel's code while a guest runs, and look at a function of it", "nacelle run --kernel vmlinuz --accel translator --translator-listing blocks.json; nacelle debug blocks blocks.json --range 0xffffffff81000000-0xffffffff81001000"),
            new("See what an instruction costs, mov rax, [rdi]", "printf '\\x48\\x8b\\x07' | nacelle debug blocks --code - --mode 64 --user"),
            new("Count host instructions for each guest instruction", "nacelle debug blocks blocks.json --json | jq '.instructions[] | [.text, (.host | length)]'"),
        ],
        [
            new("What is shown",
            [
                ("first line", "Guest address of the block and what the translation takes for granted."),
                ("left", "Guest instructions; one with (nothing) needs no host code."),
                ("right", "Host instructions. R13 is the guest's stack pointer, R14 and R15 are scratch; other registers are the guest's own."),
                ("[Name]", "A word of the vCPU's context: Guest.R13 is a register kept there, Tlb and Jumps are tables, SavedFlags the guest's flags set aside."),
                ("Name", "A routine that all blocks share, or Block and the guest address of a block that is jumped to directly."),
            ]),
        ]);

    private static string ParseMode(string text) => Array.IndexOf(s_modes, text) >= 0
        ? text
        : throw new ConfigurationException($"{text}-bit code does not exist: give --mode 16, 32 or 64");

    private void Check(CommandResult result)
    {
        bool file = result.GetValue(_file) is not null;
        bool code = result.GetResult(_code) is { Implicit: false };
        bool mode = result.GetResult(_mode) is { Implicit: false };
        Option? needsCode = ((Option[])[_mode, _address, _user]).FirstOrDefault(option => result.GetResult(option) is { Implicit: false });
        if (file == code)
        {
            result.AddError(file
                ? "use either a listing or --code"
                : "nothing to show: name a listing of 'nacelle run --translator-listing', or give --code");
        }
        else if (code && !mode)
        {
            result.AddError("add --mode 16, 32 or 64: --code needs the width of the code");
        }
        else if (!code && needsCode is not null)
        {
            result.AddError($"{needsCode.Name} is only for --code: leave it out");
        }
    }

    private int Show(ParseResult result)
    {
        try
        {
            AddressRange range = result.GetValue(_range);
            IEnumerable<ListedBlock> blocks = result.GetValue(_code) is string path
                ? Translate(path, result)
                : ListingFile.Read(result.GetRequiredValue(_file)!, range);
            bool colours = Terminal.IsTerminal(HostDescriptor.Output) && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
            using BlockTable table = new(colours, result.GetValue(_stubs));
            bool json = result.GetValue(_json);
            int code = (int)ExitCode.Success;
            bool any = false;
            foreach (ListedBlock block in blocks)
            {
                any = true;
                code = CommandLine.Print(json ? JsonSerializer.Serialize(block, ListingJson.Default.ListedBlock) + "\n" : table.Write(block));
                if (code != (int)ExitCode.Success)
                {
                    break;
                }
            }

            if (!any)
            {
                new Notices().Say("no block touches that range");
            }

            return code;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            new Notices().Error(error.Message);
            return (int)ExitCode.HostResource;
        }
        catch (Exception error) when (error is InvalidDataException or ArgumentException)
        {
            new Notices().Error(error.Message);
            return (int)ExitCode.Configuration;
        }
    }

    private IEnumerable<ListedBlock> Translate(string path, ParseResult result)
    {
        using Stream stream = path == "-" ? Console.OpenStandardInput() : File.OpenRead(path);
        byte[] code = new byte[LargestCode + 1];
        int length = stream.ReadAtLeast(code, code.Length, throwOnEndOfStream: false);
        if (length is 0 or > LargestCode)
        {
            throw new InvalidDataException(length == 0 ? $"'{path}' holds no code" : $"'{path}' has more than {LargestCode} bytes: give a part of it");
        }

        int bitness = Array.IndexOf(s_modes, result.GetValue(_mode)) switch { 0 => 16, 1 => 32, _ => 64 };
        AddressRange range = result.GetValue(_range);
        return CodeListing.Translate(code[..length], bitness, result.GetValue(_address), result.GetValue(_user))
            .Where(block => AddressRange.ParseAddress(block.Address) is var first
                && first <= range.Last && first + (ulong)block.GuestLength - 1 >= range.First);
    }
}
