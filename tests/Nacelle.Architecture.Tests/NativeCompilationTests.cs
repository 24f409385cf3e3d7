using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Nacelle.Architecture.Tests;

/// <summary>What works everywhere but in the native executable, or on its minimal hosts.</summary>
public sealed partial class NativeCompilationTests
{
    /// <summary>The ToString that the compiler writes for a record boxes each property; for a pointer that has no native code.</summary>
    [Fact]
    public void No_record_has_a_pointer_for_a_property() =>
        Assert.DoesNotContain(Sources(), file => UnsafeRecord().IsMatch(File.ReadAllText(file)));

    /// <summary>.NET's cryptography loads OpenSSL at run time and aborts the process where there is none.</summary>
    [Fact]
    public void Nothing_needs_OpenSSL() => Assert.DoesNotContain(
        Sources(), file => File.ReadAllText(file).Contains("System.Security.Cryptography", StringComparison.Ordinal));

    [Theory]
    [InlineData("public readonly unsafe record struct IoVector(nint Address)", true)]
    [InlineData("internal sealed unsafe record Segment(byte* Pointer);", true)]
    [InlineData("public readonly unsafe struct IoVector", false)]
    public void Such_a_record_is_recognised(string declaration, bool expected) =>
        Assert.Equal(expected, UnsafeRecord().IsMatch(declaration));

    private static string[] Sources([CallerFilePath] string here = "")
    {
        string directory = Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "src");
        string[] sources = [.. Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))];
        Assert.NotEmpty(sources);
        return sources;
    }

    [GeneratedRegex(@"\bunsafe\b[\w\s]*\brecord\b")]
    private static partial Regex UnsafeRecord();
}
