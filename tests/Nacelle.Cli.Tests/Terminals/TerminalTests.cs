namespace Nacelle.Cli.Tests;

/// <summary>A person at a terminal: raw while the machine runs, as it was on every way out.</summary>
public sealed class TerminalTests
{
    private const string EscapeKey = "\x1d";

    [Fact]
    public void Keys_arrive_one_by_one_and_the_end_restores_the_terminal()
    {
        using Session session = new(GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        session.Terminal.WaitUntil(() => session.Terminal.IsRaw, "a raw terminal");

        // Ctrl-C and Ctrl-Z are the guest's; nothing but the guest sends anything back.
        session.Terminal.Type("a\x03\x1az");
        session.Terminal.WaitFor("a\x03\x1az");
        session.Terminal.Type(".");
        session.AssertEnd(0);
        Assert.Contains("the guest powered off", session.Terminal.Seen, StringComparison.Ordinal);
    }

    [Fact]
    public void The_escape_key_ends_a_machine_that_takes_no_keys()
    {
        using Session session = new(GuestProgram.Spin);
        session.Terminal.WaitFor("press Ctrl-] and then q");
        session.Terminal.Type(new string('x', 300));
        session.Terminal.Type(EscapeKey + "h");
        session.Terminal.WaitFor("b presses its power button");
        session.Terminal.Type(EscapeKey + "q");
        session.AssertEnd((int)ExitCode.Quit);
    }

    [Fact]
    public void The_escape_key_pauses_and_continues()
    {
        using Session session = new(GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        session.Terminal.WaitFor("press Ctrl-]");
        session.Terminal.Type(EscapeKey + "p");
        session.Terminal.WaitFor("nacelle: paused");
        session.Terminal.Type(EscapeKey + "p" + "go.");
        session.Terminal.WaitFor("nacelle: continued");
        session.Terminal.WaitFor("go.");
        session.AssertEnd(0);
    }

    [Fact]
    public void The_escape_key_twice_goes_to_the_guest()
    {
        using Session session = new(GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        session.Terminal.WaitFor("press Ctrl-]");
        session.Terminal.Type("<" + EscapeKey + EscapeKey + ">.");
        session.Terminal.WaitFor("<" + EscapeKey + ">.");
        session.AssertEnd(0);
    }

    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    [InlineData("INT", 130)]
    [InlineData("QUIT", 131)]
    public void A_signal_restores_the_terminal(string signal, int code)
    {
        using Session session = new(GuestProgram.Spin);
        session.Terminal.WaitUntil(() => session.Terminal.IsRaw, "a raw terminal");
        session.Terminal.Signal(signal);
        session.AssertEnd(code);
    }

    [Fact]
    public void A_panic_of_the_guest_restores_the_terminal()
    {
        using Session session = new(GuestProgram.EchoUntilDot, GuestProgram.Panic);
        session.Terminal.WaitUntil(() => session.Terminal.IsRaw, "a raw terminal");
        session.Terminal.Type(".");
        session.AssertEnd((int)ExitCode.Panic);
    }

    [Fact]
    public void A_machine_that_cannot_be_built_leaves_the_terminal_alone()
    {
        using PseudoTerminal terminal = new();
        string before = terminal.Settings;
        terminal.Start("run", "--kernel", "/does/not/exist");
        Assert.Equal((int)ExitCode.HostResource, terminal.WaitForEnd());
        Assert.Equal(before, terminal.Settings);
    }

    [Fact]
    public void Stopping_and_continuing_restores_the_terminal_in_between()
    {
        using Session session = new(GuestProgram.EchoUntilDot, GuestProgram.PowerOff);
        session.Terminal.WaitUntil(() => session.Terminal.IsRaw, "a raw terminal");
        session.Terminal.Signal("TSTP");
        session.Terminal.WaitUntil(session.Terminal.IsStopped, "a stopped process");
        Assert.Equal(session.Before, session.Terminal.Settings);
        session.Terminal.Signal("CONT");
        session.Terminal.WaitUntil(() => session.Terminal.IsRaw, "a raw terminal after SIGCONT");
        session.Terminal.Type("on.");
        session.Terminal.WaitFor("on.");
        session.AssertEnd(0);
    }

    [Fact]
    public void Without_the_serial_port_on_the_terminal_it_is_left_alone()
    {
        using Session session = new(["--serial", "none"], GuestProgram.Spin);
        session.Terminal.WaitFor("accelerator translator");
        Assert.Equal(session.Before, session.Terminal.Settings);

        // Ctrl-C is the terminal's then.
        session.Terminal.Type("\x03");
        session.AssertEnd(130);
    }

    [Fact]
    public void Another_escape_key_can_be_chosen()
    {
        using Session session = new(["--escape", "ctrl-a"], GuestProgram.Spin);
        session.Terminal.WaitFor("press Ctrl-A and then q");
        session.Terminal.Type("\x01x");
        session.AssertEnd((int)ExitCode.Quit);
    }

    private sealed class Session : IDisposable
    {
        private readonly TemporaryDirectory _directory = new();

        public Session(params ReadOnlySpan<Action<Iced.Intel.Assembler>> program) : this([], program)
        {
        }

        public Session(string[] more, params ReadOnlySpan<Action<Iced.Intel.Assembler>> program)
        {
            Before = Terminal.Settings;
            Terminal.Start(MinimalMachine.Arguments(GuestProgram.Write(_directory.Combine("kernel"), program), more));
        }

        public PseudoTerminal Terminal { get; } = new();

        /// <summary>The terminal's settings before.</summary>
        public string Before { get; }

        public void AssertEnd(int code)
        {
            int ended = Terminal.WaitForEnd();
            Assert.True(code == ended, $"exit code {ended} where {code} was expected\n{Terminal.Seen}");
            Assert.Equal(Before, Terminal.Settings);
        }

        public void Dispose()
        {
            Terminal.Dispose();
            _directory.Dispose();
        }
    }
}
