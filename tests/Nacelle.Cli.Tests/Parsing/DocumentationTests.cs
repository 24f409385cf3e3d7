using System.Runtime.CompilerServices;

namespace Nacelle.Cli.Tests;

/// <summary>Documents that are made from the code are what the code makes.</summary>
public sealed class DocumentationTests
{
    [Fact]
    public void The_command_line_reference_is_fresh() =>
        AssertFresh("command-line", ReferenceWriter.Write(new NacelleCommand()));

    [Fact]
    public void The_table_of_exit_codes_is_fresh() => AssertFresh("exit-codes", ExitCodeReference.Write());

    [Fact]
    public void Exit_codes_are_distinct_even_and_below_signals()
    {
        int[] codes = [.. Enum.GetValues<ExitCode>().Select(code => (int)code)];
        Assert.Equal(codes.Distinct(), codes);
        Assert.All(codes, code => Assert.True(code % 2 == 0 && code < 128, $"{code}"));
        Assert.All(Enumerable.Range(0, 300), value => Assert.True(ExitCodes.OfGuest((uint)value) is int code and <= 127 && code % 2 == 1));
        Assert.Equal(127, ExitCodes.OfGuest(uint.MaxValue));
    }

    private static void AssertFresh(string document, string expected, [CallerFilePath] string here = "")
    {
        string path = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "docs", $"{document}.md"));
        string found = File.Exists(path) ? File.ReadAllText(path) : "";
        Assert.True(
            found == expected,
            $"docs/{document}.md is stale: regenerate it with 'dotnet run --project src/Nacelle.Cli -- reference {document} > docs/{document}.md'");
    }
}
