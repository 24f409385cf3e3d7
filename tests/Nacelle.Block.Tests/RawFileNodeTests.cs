using System.Diagnostics;

namespace Nacelle.Block.Tests;

public sealed class RawFileNodeTests
{
    private const int Size = 8 << 20;

    [Theory]
    [CombinedModes]
    public void Reads_back_what_the_file_then_holds(BlockCacheMode cache, bool threads)
    {
        using DiskFixture disk = new(threads);
        string path = disk.MakeFile("a.img", Size);
        byte[] expected = new byte[Size];
        Random random = new(1);
        RawFileNode node = disk.Open(new RawFileOptions { Path = path, Cache = cache });
        for (int i = 0; i < 40; i++)
        {
            // Odd pieces and starts: with O_DIRECT some of these cannot go the direct way.
            int start = random.Next(3) == 0 ? random.Next(1000) : 4096 * random.Next(8);
            int first = random.Next(2) == 0 ? 4096 : 512;
            int second = 512 * random.Next(1, 300);
            long offset = 512L * random.Next((Size - first - second) / 512);
            random.NextBytes(disk.Bytes.Slice(start, first + second));
            disk.Bytes.Slice(start, first + second).CopyTo(expected.AsSpan((int)offset));
            Assert.Equal(0, disk.Run(node, BlockOperation.Write, offset, 0, false, (start, first), (start + first, second)));
        }

        Assert.Equal(0, disk.Run(node, BlockOperation.Flush, 0));
        disk.Bytes.Clear();
        Assert.Equal(0, disk.Run(node, BlockOperation.Read, 0, 0, false, (0, 1 << 20), (1 << 20, 3 << 20)));
        Assert.True(disk.Bytes.SequenceEqual(expected.AsSpan(0, 4 << 20)), "a read differs from what was written");
        disk.Close(node);
        Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(expected), "the file differs from what was written");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Zeroes_and_discards_exactly_the_range(bool unmap)
    {
        using DiskFixture disk = new(threads: false);
        string path = Path.Combine(disk.Directory, "a.img");
        byte[] expected = new byte[Size];
        expected.AsSpan().Fill(0xa5);
        File.WriteAllBytes(path, expected);
        RawFileNode node = disk.Open(new RawFileOptions { Path = path });
        Assert.Equal(0, disk.Run(node, BlockOperation.WriteZeroes, 1536, 3 << 20, unmap));
        disk.Close(node);
        expected.AsSpan(1536, 3 << 20).Clear();
        Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(expected), "other bytes than the range changed");
    }

    [Fact]
    public void Refuses_ranges_outside_and_writes_to_a_read_only_disk()
    {
        using DiskFixture disk = new(threads: false);
        string path = disk.MakeFile("a.img", Size);
        RawFileNode node = disk.Open(new RawFileOptions { Path = path, ReadOnly = true });
        Assert.Equal(22, disk.Run(node, BlockOperation.Read, Size - 512, 0, false, (0, 1024)));
        Assert.Equal(22, disk.Run(node, BlockOperation.Read, long.MaxValue, 0, false, (0, 512)));
        Assert.Equal(30, disk.Run(node, BlockOperation.Write, 0, 0, false, (0, 512)));
        Assert.Equal(30, disk.Run(node, BlockOperation.Discard, 0, 512));
        disk.Close(node);
    }

    [Fact]
    public void Pads_the_last_sector_of_a_read_only_file_with_zeroes()
    {
        using DiskFixture disk = new(threads: false);
        string path = Path.Combine(disk.Directory, "odd.img");
        File.WriteAllBytes(path, [.. Enumerable.Repeat((byte)7, 700)]);
        RawFileNode node = disk.Open(new RawFileOptions { Path = path, ReadOnly = true });
        disk.Bytes[..1024].Fill(0xff);
        Assert.Equal(1024, node.Length);
        Assert.Equal(0, disk.Run(node, BlockOperation.Read, 0, 0, false, (0, 1024)));
        Assert.All(disk.Bytes[..700].ToArray(), value => Assert.Equal(7, value));
        Assert.All(disk.Bytes[700..1024].ToArray(), value => Assert.Equal(0, value));
        disk.Close(node);
    }

    [Fact]
    public void Names_what_is_wrong_with_a_file_that_is_no_disk()
    {
        using DiskFixture disk = new(threads: false);
        Assert.Contains("no such file", Refusal(disk, Path.Combine(disk.Directory, "absent")), StringComparison.Ordinal);
        Assert.Contains("directory", Refusal(disk, disk.Directory), StringComparison.Ordinal);
        Assert.Contains("empty", Refusal(disk, disk.MakeFile("empty", 0)), StringComparison.Ordinal);
        Assert.Contains("multiple of 512", Refusal(disk, disk.MakeFile("odd", 700)), StringComparison.Ordinal);
        Assert.Contains("neither", Refusal(disk, "/dev/null"), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_the_process_that_has_the_file_locked()
    {
        using DiskFixture disk = new(threads: false);
        string path = disk.MakeFile("locked.img", Size);

        // A second process with its own lock: qemu-io locks bytes of the file as this program does.
        using Process holder = Process.Start(new ProcessStartInfo("qemu-io", ["-f", "raw", path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        holder.StandardInput.WriteLine("length");
        holder.StandardInput.Flush();
        while (holder.StandardOutput.ReadLine() is { } line && !line.Contains("8 MiB", StringComparison.Ordinal))
        {
        }

        string message = Refusal(disk, path);
        holder.StandardInput.WriteLine("quit");
        holder.StandardInput.Close();
        holder.WaitForExit();
        Assert.Contains($"process {holder.Id} has it locked", message, StringComparison.Ordinal);
        disk.Close(disk.Open(new RawFileOptions { Path = path }));
    }

    [Fact]
    public void Readers_share_a_file_and_a_writer_does_not()
    {
        using DiskFixture disk = new(threads: false);
        string path = disk.MakeFile("shared.img", Size);
        RawFileNode first = disk.Open(new RawFileOptions { Path = path, ReadOnly = true });
        RawFileNode second = disk.Open(new RawFileOptions { Path = path, ReadOnly = true });
        Assert.Contains("locked", Refusal(disk, path), StringComparison.Ordinal);
        disk.Close(first);
        disk.Close(second);
        disk.Close(disk.Open(new RawFileOptions { Path = path }));
    }

    private static string Refusal(DiskFixture disk, string path)
    {
        BlockOpenException refusal = Assert.Throws<BlockOpenException>(() => disk.Open(new RawFileOptions { Path = path }));
        Assert.DoesNotContain('\n', refusal.Message);
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        return refusal.Message;
    }
}
