using System.Diagnostics;

namespace Nacelle.Block.Tests;

/// <summary>A flush that failed stays failed: the host tells of lost writes once and forgets them.</summary>
public sealed class LostWriteTests
{
    private const int Size = 16 << 20;

    [Theory]
    [InlineData(BlockErrorPolicy.Report)]
    [InlineData(BlockErrorPolicy.Stop)]
    public void No_flush_succeeds_after_one_that_failed(BlockErrorPolicy policy)
    {
        // A loop device over a sparse file on a full tmpfs: writes go into the page cache, and their write-back fails.
        string mount = Directory.CreateTempSubdirectory("nacelle-lost-").FullName;
        Assert.SkipUnless(Execute(out _, "mount", "-t", "tmpfs", "-o", "size=2m", "none", mount) == 0, "this user may not mount a tmpfs");
        string loop = "";
        try
        {
            string back = Path.Combine(mount, "back");
            using (FileStream file = File.Create(back))
            {
                file.SetLength(Size);
            }

            bool made = Execute(out loop, "losetup", "-f", "--show", back) == 0;
            loop = loop.Trim();
            Assert.SkipUnless(made, "this user may not make loop devices");
            using DiskFixture disk = new(threads: true, Directory.CreateDirectory(Path.Combine(mount, "disk")).FullName);
            using ManualResetEventSlim stopped = new();
            BlockFault fault = default;
            ErrorPolicyNode node = new(disk.Open(new RawFileOptions { Path = loop }), policy, seen =>
            {
                fault = seen;
                stopped.Set();
            });
            disk.Bytes.Fill(0x5A);
            Assert.Equal(0, disk.Run(node, BlockOperation.Write, 0, 0, false, (0, 4 << 20)));
            if (policy == BlockErrorPolicy.Report)
            {
                Assert.NotEqual(0, disk.Run(node, BlockOperation.Flush, 0, 0));
            }
            else
            {
                using DiskFixture.Waiter flush = disk.Begin(node, BlockOperation.Flush, 0, 0, false);
                Assert.True(stopped.Wait(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken), "no fault was told");
                Assert.True(fault.IsLost);
                disk.Loop.Post(node.Resume);
                Assert.NotEqual(0, flush.Wait());
            }

            // Room comes too late: what was lost stays lost.
            Assert.Equal(0, Execute(out _, "mount", "-o", "remount,size=32m", mount));
            Assert.NotEqual(0, disk.Run(node, BlockOperation.Flush, 0, 0));
            Assert.Equal(0, disk.Run(node, BlockOperation.Write, 0, 0, false, (0, 4096)));
            Assert.NotEqual(0, disk.Run(node, BlockOperation.Flush, 0, 0));
            disk.Close(node);
            IBlockNode again = disk.Open(new RawFileOptions { Path = loop });
            Assert.Equal(0, disk.Run(again, BlockOperation.Write, 0, 0, false, (0, 4096)));
            Assert.Equal(0, disk.Run(again, BlockOperation.Flush, 0, 0));
            disk.Close(again);
        }
        finally
        {
            if (loop.Length != 0)
            {
                Execute(out _, "losetup", "-d", loop);
            }

            Execute(out _, "umount", mount);
            Directory.Delete(mount);
        }
    }

    private static int Execute(out string output, string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
