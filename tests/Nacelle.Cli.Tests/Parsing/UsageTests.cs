using System.CommandLine;

namespace Nacelle.Cli.Tests;

/// <summary>Command lines that are not understood, and those that help shows.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("", "name a command: run, qemu, info, host, check, rules, convert, debug, completion")]
    [InlineData("rnu", "unknown command 'rnu': did you mean 'run'?")]
    [InlineData("run --kernel", "missing for option: '--kernel'")]
    [InlineData("run --kernel k --memroy 1G", "unknown option '--memroy': did you mean '--memory'?")]
    [InlineData("run --kernel k --dsik=a", "unknown option '--dsik': did you mean '--disk'?")]
    [InlineData("run --kernel k --entirely-else", "unknown option '--entirely-else' (see")]
    [InlineData("run guest.xml extra", "unknown argument 'extra'")]
    [InlineData("convert --form xml", "unknown option '--form'")]
    [InlineData("host --sav f", "unknown option '--sav': did you mean '--save'?")]
    [InlineData("run --kernel k --cpus 0", "give a number from 1 to 254")]
    [InlineData("run --kernel k --cpus many", "'many' vCPUs: give a number from 1 to 254")]
    [InlineData("run --kernel k --cpus 1 --cpus 2", "'--cpus' expects a single argument but 2 were provided")]
    [InlineData("run --kernel k --memory 511K", "give at least 2M")]
    [InlineData("run --kernel k --memory 513M", "give 512M or 514M")]
    [InlineData("run --kernel k --memory 1024", "1024 bytes: did you mean 1024M?")]
    [InlineData("run --kernel k --memory 1023", "1023 bytes: did you mean 1024M?")]
    [InlineData("run --kernel k --accel tcg", "unknown accelerator 'tcg': use auto, kvm or translator")]
    [InlineData("run --kernel k --memory big", "'big' is not a size")]
    [InlineData("run --kernel k --accel kvmm", "unknown accelerator 'kvmm': did you mean 'kvm'?")]
    [InlineData("run --kernel k --disk d,chache=none", "unknown disk option 'chache': did you mean 'cache'?")]
    [InlineData("run --kernel k --disk d,cache=nnone", "did you mean 'none'?")]
    [InlineData("run --kernel k --disk d,readonly", "disk option 'readonly' has no value")]
    [InlineData("run --kernel k --net tpa:x", "unknown network 'tpa:x': did you mean 'tap:NAME'?")]
    [InlineData("run --kernel k --net tap:a-name-that-is-too-long", "is not a name of a tap interface")]
    [InlineData("run --kernel k --net user,forward=0:22", "write [udp:][ADDRESS:]HOSTPORT:GUESTPORT with ports from 1 to 65535")]
    [InlineData("run --kernel k --serial sdtio", "unknown serial connection 'sdtio': did you mean 'stdio'?")]
    [InlineData("run --kernel k --serial file:", "names no path")]
    [InlineData("run --kernel k --escape alt-x", "escape key 'alt-x' is not valid")]
    [InlineData("run --kernel k --translator-listing ,range=1-2", "the listing's file name is empty")]
    [InlineData("run --kernel k --translator-listing f,rnage=1-2", "unknown listing option 'rnage': did you mean 'range'?")]
    [InlineData("run --kernel k --translator-listing f,range=0x10", "'0x10' is not a range of addresses: write START-END")]
    [InlineData("debug", "name a command: blocks (see 'nacelle debug --help')")]
    [InlineData("debug blokcs", "unknown command 'blokcs': did you mean 'blocks'?")]
    [InlineData("debug blocks", "nothing to show")]
    [InlineData("debug blocks f --code g --mode 64", "use either a listing or --code")]
    [InlineData("debug blocks --code f", "add --mode 16, 32 or 64: --code needs the width of the code (see 'nacelle debug blocks --help')")]
    [InlineData("debug blocks --code f --mode 8", "8-bit code does not exist: give --mode 16, 32 or 64")]
    [InlineData("debug blocks f --user", "--user is only for --code")]
    [InlineData("debug blocks f --range 0x20-0x10", "the range '0x20-0x10' is empty")]
    [InlineData("debug blocks --code f --mode 64 --address here", "'here' is not an address")]
    [InlineData("info --jsn", "unknown option '--jsn': did you mean '--json'?")]
    [InlineData("completion bsh", "unknown shell 'bsh': did you mean 'bash'?")]
    public void A_mistake_is_named_in_one_line_with_the_nearest_valid_word(string line, string expected)
    {
        ParseResult result = CommandLine.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.IsType<System.CommandLine.Invocation.ParseErrorAction>(result.Action);
        string message = UsageError.Describe(result);
        Assert.DoesNotContain('\n', message);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_socket_path_that_Linux_cannot_hold_is_refused()
    {
        ParseResult result = CommandLine.Parse(["run", "--kernel", "k", "--serial", "socket:/" + new string('x', 107)]);
        Assert.Contains("has 108 bytes and Linux takes 107", UsageError.Describe(result), StringComparison.Ordinal);
    }

    [Fact]
    public void The_process_says_it_and_ends_with_the_code_for_usage()
    {
        ProcessEnd end = NacelleProcess.Run("run", "--kernel", "k", "--memroy", "1G");
        Assert.True(end.Code == (int)ExitCode.Usage, end.ToString());
        Assert.Equal("nacelle: unknown option '--memroy': did you mean '--memory'? (see 'nacelle run --help')", Assert.Single(end.ErrorLines));
        Assert.Equal("", end.Output);
    }

    [Theory]
    [InlineData("run", "nothing to run: give --kernel FILE, or a FILE with domain XML or JSON")]
    [InlineData("run --kernel k extra", "--kernel cannot be combined with 'extra'")]
    [InlineData("run -- --kernel", "cannot read '--kernel': there is no such file")]
    public void One_description_of_a_machine_is_asked_for(string line, string expected)
    {
        ProcessEnd end = NacelleProcess.Run(line.Split(' '));
        Assert.True(end.Code == (int)ExitCode.Usage, end.ToString());
        Assert.Contains(expected, Assert.Single(end.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void What_would_move_the_cursor_is_left_out_of_messages()
    {
        ProcessEnd end = NacelleProcess.Run("run", "--kernel", "/none/\x1b[2Jx\r\n");
        Assert.Single(end.ErrorLines);
        Assert.DoesNotContain('\x1b', end.Error);
    }

    [Fact]
    public void Version_and_help_work_whatever_else_is_wrong()
    {
        Assert.Matches("^nacelle [0-9]+\\.[0-9]+\\.[0-9]+\n$", NacelleProcess.Run("--version").Output);
        ProcessEnd help = NacelleProcess.Run("run", "--help");
        Assert.True(help.Code == 0, help.ToString());
        Assert.Contains("Examples:", help.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_command_has_examples_and_every_example_parses()
    {
        NacelleCommand root = new();
        IEnumerable<Command> commands = root.Subcommands.Where(command => !command.Hidden).Prepend(root);
        foreach (Command command in commands)
        {
            CommandPage page = Assert.IsType<IDocumentedCommand>(command, exactMatch: false).Page;
            Assert.NotEmpty(page.Examples);
            foreach (Example example in page.Examples.Where(example => example.Line.StartsWith("nacelle ", StringComparison.Ordinal)))
            {
                // The shell takes off quotes and what comes after the command.
                string[] words = HostTool.Run("bash", "-c", $"printf '%s\\n' {example.Line.Split(" | ")[0].Split(" > ")[0].TrimEnd('&')}")
                    .TrimEnd('\n').Split('\n');
                ParseResult result = CommandLine.Parse(words[1..]);
                Assert.True(result.Errors.Count == 0, $"{example.Line}: {string.Join(", ", result.Errors)}");
            }
        }
    }

    [Fact]
    public void Help_names_every_option()
    {
        RunCommand run = Assert.IsType<RunCommand>(new NacelleCommand().Subcommands[0]);
        string help = HelpWriter.Write(run);
        foreach (Option option in run.Options)
        {
            Assert.Contains(HelpWriter.Form(option), help, StringComparison.Ordinal);
        }

        Assert.All(help.Split('\n'), line => Assert.True(line.Length <= 150, line));
    }

    [Theory]
    [InlineData("nacelle r", "run")]
    [InlineData("nacelle run --mem", "--memory")]
    [InlineData("nacelle run --accel ", "translator")]
    [InlineData("nacelle completion ", "fish")]
    [InlineData("nacelle run --disk x,", "x,readonly=")]
    [InlineData("nacelle run --disk x,cache=", "x,cache=writethrough")]
    [InlineData("nacelle run --disk x,readonly=on,on-error=st", "x,readonly=on,on-error=stop-when-full")]
    [InlineData("nacelle run --net user,", "user,forward=")]
    [InlineData("nacelle run --net ", "tap:")]
    [InlineData("nacelle run --serial p", "pty")]
    [InlineData("nacelle run --cpu Haswell,-pc", "Haswell,-pcid")]
    public void The_shell_is_told_what_could_come_next(string line, string expected)
    {
        ProcessEnd end = NacelleProcess.Run($"[suggest:{line.Length}]", line);
        Assert.True(end.Code == 0, end.ToString());
        Assert.Contains(expected, end.Output.Split('\n'));
    }

    [Fact]
    public void The_shell_is_offered_no_words_of_other_systems()
    {
        const string line = "nacelle run ";
        string[] offered = NacelleProcess.Run($"[suggest:{line.Length}]", line).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("--kernel", offered);
        Assert.All(offered, word => Assert.StartsWith("-", word, StringComparison.Ordinal));
        Assert.DoesNotContain("-?", offered);
    }

    [Theory]
    [InlineData("nacelle run --mem", "--memory\n")]
    [InlineData("nacelle run --disk x,rea", "x,readonly=\n")]
    [InlineData("nacelle run --disk x,readonly=", "off\non\n")]
    [InlineData("nacelle run --disk x,readonly=on,cache=write", "writeback\nwritethrough\n")]
    [InlineData("nacelle run --serial so", "socket:\n")]
    [InlineData("nacelle run --kernel vml", "vmlinuz file\n")]
    [InlineData("nacelle run --serial file:vml", "vmlinuz file\n")]
    public void Bash_completes_with_the_script(string line, string expected)
    {
        using TemporaryDirectory directory = new();
        File.CreateSymbolicLink(directory.Combine("nacelle"), NacelleProcess.Executable);
        File.WriteAllText(directory.Combine("vmlinuz file"), "");
        string script = $$"""
            cd {{directory.FullName}}; PATH=$PWD:$PATH
            source <(nacelle completion bash)
            COMP_LINE='{{line}}' COMP_POINT={{line.Length}} COMP_WORDS=({{line}}) COMP_CWORD=3
            _nacelle
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        Assert.Equal(expected, HostTool.Run("bash", "-c", script));
    }

    [Fact]
    public void Help_of_run_fits_two_screens_and_leaves_tables_to_pages_of_their_own()
    {
        string help = NacelleProcess.Run("run", "--help").Output;
        Assert.True(help.Count(character => character == '\n') <= 120, help);
        Assert.True(help.IndexOf("Examples:", StringComparison.Ordinal) < help.IndexOf("Options:", StringComparison.Ordinal), help);
        Assert.Contains("  FILE\n", help, StringComparison.Ordinal);
        Assert.DoesNotContain("Counters of --translator-stats:", help, StringComparison.Ordinal);
        Assert.Contains("nacelle run --help translator-stats", help, StringComparison.Ordinal);
        ProcessEnd page = NacelleProcess.Run("run", "--help", "translator-stats");
        Assert.True(page.Code == 0 && page.Output.StartsWith("Counters of --translator-stats:\n", StringComparison.Ordinal), page.ToString());
    }

    [Fact]
    public void A_kernel_in_place_of_a_description_is_told_how_to_start()
    {
        using TemporaryDirectory directory = new();
        byte[] image = new byte[4096];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        File.WriteAllBytes(directory.Combine("vmlinuz"), image);
        File.WriteAllText(directory.Combine("disk"), "QFI\u00fb");
        foreach ((string name, string expected) in new[] { ("vmlinuz", "looks like a kernel: nacelle run --kernel "), ("disk", "looks like a disk image: ") })
        {
            ProcessEnd end = NacelleProcess.Run("run", directory.Combine(name));
            Assert.True(end.Code == (int)ExitCode.Usage, end.ToString());
            Assert.Contains(expected, Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        }
    }
}
