using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Nacelle.Cli.Tests;

/// <summary>
/// Debian's programs in a guest on the translator against the same files run on the host: what they print and how they end.
/// The work is done by tests/programs/compare.sh, which can be run by hand too.
/// </summary>
public sealed class ProgramTests
{
    [Fact]
    public void A_few_programs_do_in_a_guest_what_they_do_on_the_host() => Compare(TimeSpan.FromMinutes(10), "few", "--cpus", "2");

    [Fact]
    [Trait("Duration", "Long")]
    public void All_programs_do_in_a_guest_what_they_do_on_the_host() => Compare(TimeSpan.FromMinutes(60), "all", "--cpus", "2");

    /// <remarks>Without the ones that take minutes and ask nothing of the processor that others do not.</remarks>
    [Theory]
    [Trait("Duration", "Long")]
    [InlineData("host", 1)]
    [InlineData("host", 4)]
    [InlineData("qemu64", 2)]
    [InlineData("x86-64-v2", 1)]
    [InlineData("x86-64-v3", 4)]
    [InlineData("x86-64-v4", 2)]
    public void Programs_do_the_same_on_every_model_and_number_of_vcpus(string model, int cpus)
    {
        Assert.SkipWhen(
            model == "x86-64-v4" && !System.Runtime.Intrinsics.X86.Avx512F.IsSupported, "the host's processor has no AVX-512, which x86-64-v4 needs");
        string[] left = ["dotnet", "ffmpeg", "go", "gxx", "mpfr-tests", "python-tests"];
        string[] names =
        [
            .. Directory.GetFiles(Path.Combine(Folder(), "programs")).Select(path => Path.GetFileName(path)).Except(left).Order(StringComparer.Ordinal),
        ];
        Compare(TimeSpan.FromMinutes(45), ["all", "--cpu", model, "--cpus", $"{cpus}", .. names]);
    }

    private static void Compare(TimeSpan patience, params string[] arguments)
    {
        ProcessStartInfo start = new(Path.Combine(Folder(), "compare.sh"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NACELLE_EXECUTABLE"] = NacelleProcess.Executable;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(patience);
        if (!ended)
        {
            process.Kill(entireProcessTree: true);
        }

        Assert.True(ended && process.ExitCode == 0, $"{(ended ? $"exit code {process.ExitCode}" : $"no end within {patience}")}\n{output.Result}\n--- error\n{error.Result}");
    }

    private static string Folder([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "programs"));
}
