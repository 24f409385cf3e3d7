using System.Security.Cryptography;

namespace Nacelle.Cli.Tests;

/// <summary>Disks as Linux's virtio_blk sees them, against the files on the host.</summary>
public sealed class DiskBootTests
{
    private const int Size = 8 << 20;

    [Theory]
    [InlineData("")]
    [InlineData(",packed=on,queues=4,cache=none")]
    public void The_guest_reads_what_the_file_holds_and_the_file_gets_what_it_writes(string options)
    {
        using TemporaryDirectory directory = new();
        string disk = directory.Combine("disk");
        byte[] content = RandomNumberGenerator.GetBytes(Size);
        File.WriteAllBytes(disk, content);
        string output = LinuxGuest.Run(
            "cloud",
            "sha256sum /dev/vda; dd if=/dev/vda of=/dev/vda bs=64k count=16 seek=64 conv=notrunc,fsync 2>/dev/null; cat /sys/block/vda/serial",
            "--cpus", "2", "--disk", $"{disk},serial=first disk{options}");
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(content)), output, StringComparison.Ordinal);
        Assert.Contains("first disk", output, StringComparison.Ordinal);
        content.AsSpan(0, 1 << 20).CopyTo(content.AsSpan(4 << 20));
        Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(disk)), "the file differs from what the guest wrote");
    }

    [Fact]
    public void A_read_only_disk_refuses_writes_and_can_be_shared()
    {
        using TemporaryDirectory directory = new();
        string disk = directory.MakeFile("disk", Size);
        string output = LinuxGuest.Run(
            "cloud", "cat /sys/block/vda/ro /sys/block/vdb/ro; dd if=/dev/zero of=/dev/vda count=1 2>&1 | grep -c 'not permitted'",
            "--disk", $"{disk},readonly=on", "--disk", $"{disk},readonly=on");
        Assert.Contains("1\r\n1\r\n1\r\nnacelle-guest: exit 0", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_host_gives_the_guest_an_error_and_breaks_nothing_else()
    {
        using SmallFileSystem files = new();
        string output = LinuxGuest.Run(
            "cloud",
            "dd if=/dev/urandom of=/dev/vda bs=64k count=128 conv=fsync 2>/dev/null; echo dd=$?; dd if=/dev/vda of=/dev/null bs=64k count=8 2>/dev/null; echo read=$?",
            "--disk", files.MakeDisk(Size));
        Assert.Contains("dd=1\r\nread=0", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_full_host_pauses_the_machine_by_option_until_there_is_room()
    {
        using SmallFileSystem files = new();
        string disk = files.MakeDisk(Size);
        using NacelleProcess process = NacelleProcess.Start(LinuxGuest.Arguments(
            "cloud", "dd if=/dev/urandom of=/dev/vda bs=64k count=128 conv=fsync 2>/dev/null; echo dd=$?; sha256sum /dev/vda", "",
            "--disk", $"{disk},on-error=stop-when-full"));
        process.WaitForError("paused: write at byte");
        process.WaitForError("No space left on device");
        files.Grow();
        process.Signal("USR1");
        ProcessEnd end = process.WaitForEnd();
        Assert.True(end.Code == 0, end.ToString());
        Assert.Contains("dd=0", end.Output, StringComparison.Ordinal);
        Assert.Contains(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(disk))), end.Output, StringComparison.Ordinal);
    }

    /// <summary>A file system of 4 MiB on the host; needs root.</summary>
    private sealed class SmallFileSystem : IDisposable
    {
        private readonly TemporaryDirectory _directory = new();
        private readonly bool _mounted;

        public SmallFileSystem()
        {
            Assert.SkipUnless(Environment.UserName == "root", "only root can mount a file system");
            HostTool.Run("mount", "-t", "tmpfs", "-o", "size=4M", "nacelle-test", _directory.FullName);
            _mounted = true;
        }

        /// <summary>A file with holes, larger than the file system.</summary>
        public string MakeDisk(long size) => _directory.MakeFile("disk", size);

        /// <summary>Makes room.</summary>
        public void Grow() => HostTool.Run("mount", "-o", "remount,size=64M", _directory.FullName);

        public void Dispose()
        {
            if (_mounted)
            {
                HostTool.Run("umount", _directory.FullName);
            }

            _directory.Dispose();
        }
    }
}
