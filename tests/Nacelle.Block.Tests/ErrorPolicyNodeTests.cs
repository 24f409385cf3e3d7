using System.Diagnostics;

namespace Nacelle.Block.Tests;

public sealed class ErrorPolicyNodeTests
{
    private const int NoSpace = 28;

    [Theory]
    [InlineData(BlockErrorPolicy.Report)]
    [InlineData(BlockErrorPolicy.StopWhenFull)]
    public void A_full_file_system_fails_the_request_or_holds_it_until_there_is_room(BlockErrorPolicy policy)
    {
        string mount = Directory.CreateTempSubdirectory("nacelle-full-").FullName;
        Assert.SkipUnless(Execute("mount", "-t", "tmpfs", "-o", "size=2m", "none", mount) == 0, "this user may not mount a tmpfs");
        try
        {
            string directory = Directory.CreateDirectory(Path.Combine(mount, "disk")).FullName;
            using DiskFixture disk = new(threads: false, directory);
            string path = disk.MakeFile("a.img", 8 << 20);
            using ManualResetEventSlim stopped = new();
            BlockFault fault = default;
            ErrorPolicyNode node = new(disk.Open(new RawFileOptions { Path = path }), policy, seen =>
            {
                fault = seen;
                stopped.Set();
            });
            disk.Bytes.Fill(0x5a);
            using DiskFixture.Waiter write = disk.Begin(node, BlockOperation.Write, 0, 0, false, (0, 4 << 20));
            if (policy == BlockErrorPolicy.Report)
            {
                Assert.Equal(NoSpace, write.Wait());
            }
            else
            {
                Assert.True(stopped.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken), "no fault was told");
                Assert.Equal(NoSpace, fault.ErrorNumber);
                Assert.False(write.IsDone);
                Assert.Equal(0, Execute("mount", "-o", "remount,size=16m", mount));
                disk.Loop.Post(node.Resume);
                Assert.Equal(0, write.Wait());
                Assert.All(File.ReadAllBytes(path)[..(4 << 20)].Chunk(4096), page => Assert.Equal(-1, page.AsSpan().IndexOfAnyExcept((byte)0x5a)));

                // tmpfs cannot zero a range: this is the way by plain writes.
                Assert.Equal(0, disk.Run(node, BlockOperation.WriteZeroes, 512, 2 << 20));
                byte[] zeroed = File.ReadAllBytes(path);
                Assert.Equal(-1, zeroed.AsSpan(512, 2 << 20).IndexOfAnyExcept((byte)0));
                Assert.Equal(0x5a, zeroed[511]);
                Assert.Equal(0x5a, zeroed[512 + (2 << 20)]);
            }

            disk.Close(node);
        }
        finally
        {
            Execute("umount", mount);
            Directory.Delete(mount);
        }
    }

    private static int Execute(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
