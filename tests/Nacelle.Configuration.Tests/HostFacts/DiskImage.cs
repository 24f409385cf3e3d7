using System.Diagnostics;
using System.Globalization;

namespace Nacelle.Configuration.Tests;

/// <summary>A file as a disk, which the tools of the host write to. Removed at the end.</summary>
internal sealed class DiskImage : IBlockBytes, IDisposable
{
    public DiskImage(long length, int logicalSectorBytes = 512)
    {
        Path = System.IO.Path.GetTempFileName();
        using FileStream stream = new(Path, FileMode.Open);
        stream.SetLength(length);
        (Length, LogicalSectorBytes) = ((ulong)length, logicalSectorBytes);
    }

    public string Path { get; }

    public ulong Length { get; }

    public int LogicalSectorBytes { get; }

    public bool TryRead(ulong offset, Span<byte> buffer)
    {
        if (offset > Length || (ulong)buffer.Length > Length - offset)
        {
            return false;
        }

        // Opened each time: an open file is locked, and cryptsetup waits for the lock.
        using FileStream stream = new(Path, FileMode.Open, FileAccess.Read);
        stream.Position = (long)offset;
        stream.ReadExactly(buffer);
        return true;
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        using FileStream stream = new(Path, FileMode.Open, FileAccess.Write);
        stream.Position = offset;
        stream.Write(bytes);
    }

    /// <summary>Runs a tool of the host on the image; a failure is the test's.</summary>
    /// <returns>False where the host has no such tool.</returns>
    public bool TryRun(string tool, string arguments, string? input = null)
    {
        string? path = Find(tool);
        if (path is null)
        {
            return false;
        }

        Run(path, arguments.Replace("IMAGE", Path, StringComparison.Ordinal), input);
        return true;
    }

    /// <summary>What blkid finds, as "TYPE UUID LABEL"; null where the host has no blkid or it finds nothing.</summary>
    public Dictionary<string, string> Probe()
    {
        string text = Run(Find("blkid") ?? throw new InvalidOperationException("blkid is of the essential packages"), $"-p -o export {Path}", null, 0, 2, 8);
        return text.Split('\n').Where(line => line.Contains('=', StringComparison.Ordinal))
            .Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1].Replace("\\ ", " ", StringComparison.Ordinal));
    }

    public void Dispose() => File.Delete(Path);

    private static string? Find(string tool) => new[] { "/usr/sbin", "/sbin", "/usr/bin", "/bin" }
        .Select(directory => System.IO.Path.Combine(directory, tool)).FirstOrDefault(File.Exists);

    private static string Run(string path, string arguments, string? input, params int[] fine)
    {
        using Process process = Process.Start(new ProcessStartInfo(path, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            process.StandardInput.Write(input);
        }

        process.StandardInput.Close();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(
            process.ExitCode == 0 || fine.Contains(process.ExitCode),
            string.Create(CultureInfo.InvariantCulture, $"{path} {arguments}: exit code {process.ExitCode}\n{output}\n{error.Result}"));
        return output;
    }
}
