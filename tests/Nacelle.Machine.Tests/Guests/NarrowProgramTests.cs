using System.Diagnostics;

namespace Nacelle.Machine.Tests.Guests;

/// <summary>32-bit code under a 64-bit kernel.</summary>
public sealed class NarrowProgramTests
{
    /// <summary>The program does on the host what it is said to do; where the host runs no 32-bit programs there is nothing to see.</summary>
    [Fact]
    public void A_32_bit_program_runs_on_the_host()
    {
        string path = Path.GetTempFileName();
        try
        {
            WriteTo(path);
            Process? process = null;
            try
            {
                process = Process.Start(new ProcessStartInfo(path) { RedirectStandardOutput = true });
            }
            catch (System.ComponentModel.Win32Exception error)
            {
                Assert.Skip($"the host runs no 32-bit programs: {error.Message}");
            }

            using (process)
            {
                string text = process!.StandardOutput.ReadToEnd();
                process.WaitForExit();
                Assert.Equal(NarrowProgram.Expected, text.Trim());
                Assert.Equal(0, process.ExitCode);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_32_bit_program_runs_under_a_64_bit_kernel()
    {
        Assert.SkipWhen(GuestImages.Missing is not null, GuestImages.Missing ?? "");
        string path = Path.GetTempFileName();
        try
        {
            WriteTo(path);
            using GuestRun run = new(
                $"set -e\ni=0\nwhile [ $i -lt 20 ]; do {path}; i=$((i+1)); done\necho all of them\n",
                machine => machine with { VirtualCpus = 2 },
                path);
            run.Await("all of them");
            run.AssertSucceeded();
            int right = run.Output.Split('\n').Count(line => line.Trim() == NarrowProgram.Expected);
            Assert.True(right == 20, $"{right} of 20 lines are '{NarrowProgram.Expected}':\n{run.Output}");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void WriteTo(string path)
    {
        File.WriteAllBytes(path, NarrowProgram.Build());
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
