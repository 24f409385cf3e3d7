using System.Globalization;
using Nacelle.Cli.Tests;

namespace Nacelle.Machine.Tests.Guests.Wild;

/// <summary>
/// An unprivileged process of a guest executes random bytes: 64-, 32- and 16-bit code, with TF, AC and debug registers, run at four
/// addresses at once, at the ends of pages. The machine has to be up at the end. NACELLE_WILD_STRINGS and NACELLE_WILD_SEED override
/// how many there are and which.
/// </summary>
public sealed class WildProgramTests(ITestOutputHelper output)
{
    private const ulong Step = 10_000;

    [Fact]
    public void A_machine_outlives_random_bytes() => Run(5_000);

    /// <summary>Takes the better part of an hour.</summary>
    [Fact]
    [Trait("Duration", "Long")]
    public void A_machine_outlives_a_million_strings_of_random_bytes() => Run(1_000_000);

    private static ulong Setting(string name, ulong otherwise) =>
        ulong.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out ulong value) ? value : otherwise;

    private void Run(ulong strings)
    {
        Assert.SkipWhen(GuestImages.Missing is not null, GuestImages.Missing ?? "");
        Assert.SkipWhen(HostTool.Try("gcc", "--version") is null, "there is no gcc");
        strings = Setting("NACELLE_WILD_STRINGS", strings);
        ulong seed = Setting("NACELLE_WILD_SEED", 1);
        DirectoryInfo directory = Directory.CreateTempSubdirectory("nacelle-wild");
        try
        {
            string program = Path.Combine(directory.FullName, "wild");
            string source = Path.Combine(AppContext.BaseDirectory, "Guests", "Wild", "wild.c");
            HostTool.Run("gcc", "-O1", "-static", "-fno-stack-protector", "-fcf-protection=none", "-o", program, source);
            string command = string.Create(CultureInfo.InvariantCulture, $"{program} {seed} {strings}\n");
            using GuestRun run = new(command, machine => machine with { VirtualCpus = 2 }, program);
            for (ulong done = Step; done < strings; done += Step)
            {
                run.Await($"wild: {done} strings");
            }

            string line = run.Await("wild: done");
            output.WriteLine(line);
            run.AssertSucceeded();
            Assert.Contains($"done, {strings} strings", line, StringComparison.Ordinal);
            foreach (string signal in (string[])["SIGILL", "SIGTRAP", "SIGSEGV", "SIGBUS"])
            {
                string[] words = line.Split(' ', ',');
                ulong count = ulong.Parse(words[Array.IndexOf(words, signal) + 1], CultureInfo.InvariantCulture);
                Assert.True(count > strings / 1000, $"only {count} of {signal}: {line}");
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
