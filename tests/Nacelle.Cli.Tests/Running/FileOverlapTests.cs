using System.Diagnostics;
using System.Security.Cryptography;

namespace Nacelle.Cli.Tests;

/// <summary>No option writes over a file that a machine has: it is refused before anything is changed.</summary>
public sealed class FileOverlapTests
{
    private static readonly string[] s_names = ["the file itself", "a hard link", "a symbolic link", "a path with dots"];

    public static TheoryData<string, string> Overlaps
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string name in s_names)
            {
                data.Add("disk", name);
            }

            foreach (string part in new[] { "read-only disk", "kernel", "initrd", "description" })
            {
                data.Add(part, s_names[0]);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Overlaps))]
    public void An_output_onto_a_file_of_the_machine_is_refused_and_changes_nothing(string part, string name)
    {
        using TemporaryDirectory directory = new();
        string victim = MakeVictim(directory, part, out string[] arguments);
        string alias = AliasOf(directory, victim, name);
        byte[] before = SHA256.HashData(File.ReadAllBytes(victim));
        foreach (string[] output in new[] { new[] { "--serial", $"file:{alias}" }, ["--translator-listing", alias] })
        {
            ProcessEnd end = NacelleProcess.Run([.. arguments, .. output]);
            Assert.True(end.Code == (int)ExitCode.Configuration, $"{output[0]}: {end}");
            Assert.Contains("would overwrite", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
            Assert.Equal(before, SHA256.HashData(File.ReadAllBytes(victim)));
        }
    }

    [Fact]
    public void Two_outputs_do_not_share_a_file_though_it_is_still_to_be_made()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        string file = directory.Combine("both");
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"file:{file}", "--translator-listing", file));
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.False(File.Exists(file), "a file was left behind");
    }

    [Fact]
    public void Standard_output_that_goes_to_the_disk_is_refused()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("hello"), GuestProgram.PowerOff);
        string disk = directory.MakeFile("disk", 1 << 20);
        using NacelleProcess process = NacelleProcess.StartShell(
            $"exec \"$NACELLE\" \"$@\" >> {disk}", MinimalMachine.Arguments(kernel, "--disk", disk));
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.Equal(1 << 20, new FileInfo(disk).Length);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_disk_given_twice_is_told_by_that(bool byLink)
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        string disk = directory.MakeFile("disk", 1 << 20);
        string again = byLink ? AliasOf(directory, disk, "a hard link") : disk;
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--disk", disk, "--disk", again));
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.Contains(byLink ? "are one" : "is given twice", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        ProcessEnd shared = NacelleProcess.Run(
            MinimalMachine.Arguments(kernel, "--disk", $"{disk},readonly=on", "--disk", $"{again},readonly=on"));
        Assert.True(shared.Code == 0, shared.ToString());
    }

    [Fact]
    public void An_output_onto_the_disk_of_another_machine_is_refused_and_changes_nothing()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Spin);
        string disk = directory.MakeFile("disk", 1 << 20);
        string alias = AliasOf(directory, disk, "a hard link");
        using NacelleProcess running = NacelleProcess.Start(MinimalMachine.Arguments(kernel, "--disk", disk));
        running.WaitForError("accelerator");
        foreach (string[] output in new[] { new[] { "--serial", $"file:{alias}" }, ["--translator-listing", alias] })
        {
            ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, output));
            Assert.True(end.Code == (int)ExitCode.HostResource, $"{output[0]}: {end}");
            Assert.Contains($"process {running.Id} has it locked", end.Error, StringComparison.Ordinal);
            Assert.Equal(1 << 20, new FileInfo(disk).Length);
        }

        running.Signal("TERM");
        Assert.Equal(143, running.WaitForEnd().Code);
    }

    [Fact]
    public void An_output_onto_the_device_of_a_disk_is_refused_through_another_node_and_through_the_file_below()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        string file = directory.MakeFile("disk", 1 << 20);
        string loop = HostTool.Try("losetup", "-f", "--show", file)?.Trim() ?? "";
        Assert.SkipUnless(loop.Length != 0, "this user may not make loop devices");
        try
        {
            string number = HostTool.Try("stat", "-c", "%Hr %Lr", loop)!.Trim();
            string node = directory.Combine("node");
            Assert.SkipUnless(HostTool.Try("mknod", [node, "b", .. number.Split(' ')]) is not null, "this user may not make device nodes");
            foreach (string alias in new[] { loop, node, file })
            {
                ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--disk", loop, "--serial", $"file:{alias}"));
                Assert.True(end.Code == (int)ExitCode.Configuration, $"{alias}: {end}");
            }

            ProcessEnd alone = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--disk", loop));
            Assert.True(alone.Code == 0, alone.ToString());
            Assert.Equal(1 << 20, new FileInfo(file).Length);
        }
        finally
        {
            _ = HostTool.Try("losetup", "-d", loop);
        }
    }

    [Fact]
    public void A_start_that_fails_leaves_no_file_and_empties_none()
    {
        using TemporaryDirectory directory = new();
        string kernel = directory.Combine("kernel");
        File.WriteAllText(kernel, "no kernel at all");
        string made = directory.Combine("made");
        Assert.Equal((int)ExitCode.GuestImage, NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"file:{made}")).Code);
        Assert.False(File.Exists(made), "a file was left behind");
        File.WriteAllText(made, "of before");
        Assert.Equal((int)ExitCode.GuestImage, NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--serial", $"file:{made}")).Code);
        Assert.Equal("of before", File.ReadAllText(made));
    }

    private static string MakeVictim(TemporaryDirectory directory, string part, out string[] arguments)
    {
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.PowerOff);
        string file = directory.MakeFile("file", 1 << 20);
        switch (part)
        {
            case "kernel":
                arguments = MinimalMachine.Arguments(kernel);
                return kernel;
            case "initrd":
                arguments = MinimalMachine.Arguments(kernel, "--initrd", file);
                return file;
            case "description":
                string xml = directory.Combine("guest.xml");
                File.WriteAllText(
                    xml,
                    $"<domain type='qemu'><name>a</name><memory unit='MiB'>4</memory><os><type arch='x86_64' machine='q35'>hvm</type><kernel>{kernel}</kernel></os></domain>");
                arguments = ["run", xml];
                return xml;
            default:
                arguments = MinimalMachine.Arguments(kernel, "--disk", part == "disk" ? file : $"{file},readonly=on");
                return file;
        }
    }

    private static string AliasOf(TemporaryDirectory directory, string file, string name)
    {
        string alias = directory.Combine("alias");
        switch (name)
        {
            case "a hard link":
                _ = HostTool.Run("ln", file, alias);
                return alias;
            case "a symbolic link":
                File.CreateSymbolicLink(alias, Path.GetFileName(file));
                return alias;
            case "a path with dots":
                return Path.Combine(directory.FullName, "..", Path.GetFileName(directory.FullName), Path.GetFileName(file));
            default:
                Debug.Assert(name == s_names[0], "every name has its alias");
                return file;
        }
    }
}
