using System.Text.Json;
using Nacelle.Kvm;
using Nacelle.Translation;

namespace Nacelle.Cli.Tests;

/// <summary>What nacelle debug blocks shows of a guest's code and of plain bytes.</summary>
public sealed class DebugBlocksTests
{
    [Fact]
    public void Bytes_of_a_file_are_shown_beside_what_they_become()
    {
        using TemporaryDirectory directory = new();
        string code = directory.Combine("code");

        // mov rax, [rdi]; hlt
        File.WriteAllBytes(code, [0x48, 0x8B, 0x07, 0xF4]);
        ProcessEnd end = NacelleProcess.Run("debug", "blocks", "--code", code, "--mode", "64", "--address", "0x1000");
        Assert.True(end.Code == 0, end.ToString());
        Assert.Matches(@"(?m)^0x1000  64-bit supervisor$", end.Output);
        Assert.Matches(@"(?m)^0x1000 +mov rax, \[rdi\] +0x[0-9a-f]+  ", end.Output);
        Assert.Matches(@"(?m)^ +0x[0-9a-f]+  mov rax, \[r14\]$", end.Output);
        Assert.Matches(@"(?m)^ +0x[0-9a-f]+  jmp Operation$", end.Output);
        Assert.DoesNotContain("(stubs)", end.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\x1B', end.Output);
        ProcessEnd more = NacelleProcess.Run("debug", "blocks", "--code", code, "--mode", "64", "--stubs");
        Assert.Matches(@"(?m)^ +\(stubs\) +0x[0-9a-f]+  ", more.Output);
        Assert.Matches("call Find[.a-zA-Z]*Read", more.Output);
    }

    [Fact]
    public void Bytes_of_standard_input_become_JSON()
    {
        using NacelleProcess process = NacelleProcess.Start("debug", "blocks", "--code", "-", "--mode", "32", "--user", "--json");
        process.Input.Write([0x01, 0xD8, 0xC3, 0x90]);
        process.Input.Close();
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        string[] lines = end.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length == 2, end.ToString());
        using JsonDocument block = JsonDocument.Parse(lines[0]);
        Assert.Equal("32-bit user", block.RootElement.GetProperty("mode").GetString());
        JsonElement add = block.RootElement.GetProperty("instructions")[0];
        Assert.Equal("0x400000", add.GetProperty("address").GetString());
        Assert.Equal("01d8", add.GetProperty("bytes").GetString());
        Assert.Equal("add eax, ebx", add.GetProperty("text").GetString());
        Assert.Contains("add eax, ebx", add.GetProperty("host").EnumerateArray().Select(host => host.GetProperty("text").GetString()));
    }

    [Fact]
    public void What_a_guest_ran_is_written_to_a_file_and_shown()
    {
        using TemporaryDirectory directory = new();
        string listing = directory.Combine("blocks.json");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("x"), GuestProgram.PowerOff);
        ProcessEnd run = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--quiet", "--translator-listing", listing));
        Assert.True(run.Code == 0 && run.Output == "x", run.ToString());
        ListedBlock[] blocks = [.. File.ReadLines(listing).Select(line => JsonSerializer.Deserialize(line, ListingJson.Default.ListedBlock)!)];
        Assert.Contains(blocks, block => block.Instructions.Any(instruction => instruction.Text == "mov dx, 0x3f8"));
        ProcessEnd shown = NacelleProcess.Run("debug", "blocks", listing);
        Assert.True(shown.Code == 0, shown.ToString());
        Assert.Contains("mov dx, 0x3f8", shown.Output, StringComparison.Ordinal);
        Assert.Contains("vCPU 0, physical 0x100060; ", shown.Output, StringComparison.Ordinal);

        // The kernel begins at 0x100060 with MOV ESP, of 5 bytes.
        ProcessEnd first = NacelleProcess.Run("debug", "blocks", listing, "--range", "0x100060-0x100061");
        Assert.Contains("mov esp, 0x80000", first.Output, StringComparison.Ordinal);
        ProcessEnd none = NacelleProcess.Run("debug", "blocks", listing, "--range", "0-0x100060");
        Assert.True(none.Code == 0 && none.Output.Length == 0, none.ToString());
        Assert.Contains("no block", Assert.Single(none.ErrorLines), StringComparison.Ordinal);
        string part = directory.Combine("part.json");
        NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--quiet", "--translator-listing", $"{part},range=0x100060-0x100061"));
        Assert.Equal(blocks.Count(block => block.Address == "0x100060"), File.ReadLines(part).Count());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[1, 2")]
    [InlineData("{\"virtualCpu\":0,\"address\":\"here\",\"bitness\":64,\"mode\":\"\",\"guestLength\":1,\"inlineLength\":1,\"hostLength\":1,\"entry\":[],\"instructions\":[],\"stubs\":[]}")]
    [InlineData("{\"virtualCpu\":0,\"address\":\"0x1\",\"bitness\":64,\"mode\":\"\",\"guestLength\":1,\"inlineLength\":1,\"hostLength\":1,\"entry\":[],\"instructions\":[null],\"stubs\":[]}")]
    [InlineData("{\"virtualCpu\":0,\"address\":\"0x1\",\"bitness\":64,\"mode\":\"\",\"guestLength\":1,\"inlineLength\":1,\"hostLength\":1,\"entry\":[null],\"instructions\":[],\"stubs\":[]}")]
    [InlineData("{\"virtualCpu\":0,\"address\":\"0x1\",\"bitness\":64,\"mode\":\"\",\"guestLength\":1,\"inlineLength\":1,\"hostLength\":1,\"entry\":null,\"instructions\":[],\"stubs\":[]}")]
    public void A_file_that_is_no_listing_is_refused_by_its_line(string line)
    {
        using TemporaryDirectory directory = new();
        string path = directory.Combine("listing");
        File.WriteAllText(path, line + "\n");
        ProcessEnd end = NacelleProcess.Run("debug", "blocks", path);
        Assert.True(end.Code == (int)ExitCode.Configuration, end.ToString());
        Assert.Contains("line 1 of ", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        Assert.Empty(end.Output);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_found_before_the_guest_runs()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("here"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run(MinimalMachine.Arguments(kernel, "--quiet", "--translator-listing", directory.Combine("no/such/file")));
        Assert.True(end.Code == (int)ExitCode.HostResource && end.Output.Length == 0, end.ToString());
        Assert.Contains("cannot write the listing", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void Kvm_refuses_a_listing_before_the_guest_runs()
    {
        KvmProbe probe = KvmHost.Probe();
        Assert.SkipUnless(probe.Availability == KvmAvailability.Available, probe.Reason);
        using TemporaryDirectory directory = new();
        string listing = directory.Combine("listing");
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.Print("here"), GuestProgram.PowerOff);
        ProcessEnd end = NacelleProcess.Run("run", "--kernel", kernel, "--accel", "kvm", "--memory", "4M", "--translator-listing", listing);
        Assert.True(end.Code == (int)ExitCode.Configuration && end.Output.Length == 0, end.ToString());
        Assert.Contains("--translator-listing", Assert.Single(end.ErrorLines), StringComparison.Ordinal);
        Assert.False(File.Exists(listing));
    }
}
