using System.Diagnostics;
using System.Text;
using Nacelle.Linux;

namespace Nacelle.Block.Tests;

/// <summary>Images in other formats are not taken for raw disks; qemu-img makes them.</summary>
public sealed class ImageFormatTests
{
    [Theory]
    [InlineData("qcow2", "qcow2", "")]
    [InlineData("qcow", "qcow2", "")]
    [InlineData("qed", "qed", "")]
    [InlineData("vmdk", "vmdk", "")]
    [InlineData("vmdk", "vmdk", "subformat=monolithicFlat")]
    [InlineData("vmdk", "vmdk", "subformat=streamOptimized")]
    [InlineData("vdi", "vdi", "")]
    [InlineData("vhdx", "vhdx", "")]
    [InlineData("vpc", "vpc", "")]
    [InlineData("vpc", "vpc", "subformat=fixed")]
    [InlineData("parallels", "parallels", "")]
    [InlineData("raw", null, "")]
    public void What_qemu_img_makes_is_recognised(string made, string? expected, string options)
    {
        string folder = Directory.CreateTempSubdirectory("nacelle-format-").FullName;
        try
        {
            string path = Path.Combine(folder, "image");
            ProcessStartInfo start = new("qemu-img", ["create", "-q", "-f", made, .. options.Length == 0 ? [] : new[] { "-o", options }, path, "4M"])
            {
                RedirectStandardError = true,
            };
            using Process tool = Process.Start(start)!;
            string error = tool.StandardError.ReadToEnd();
            tool.WaitForExit();
            Assert.SkipUnless(tool.ExitCode == 0, $"qemu-img cannot make {made}: {error}");
            foreach (bool readOnly in new[] { false, true })
            {
                RawFileOptions raw = new() { Path = path, ReadOnly = readOnly };
                if (expected is null)
                {
                    Open(raw);
                }
                else
                {
                    BlockOpenException refusal = Assert.Throws<BlockOpenException>(() => Open(raw));
                    Assert.Contains($"is a {expected} file", refusal.Message, StringComparison.Ordinal);
                    Assert.Contains("format=raw", refusal.Message, StringComparison.Ordinal);
                }

                // Sizes of some formats are no disk's, which a reader may round up.
                Open(raw with { SaidToBeRaw = true, ReadOnly = true });
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("LUKS\u00ba\u00be", "luks")]
    [InlineData("\u001f\u008b\u0008", "gzip")]
    [InlineData("\u00fd7zXZ\0", "xz")]
    [InlineData("# comment\n\n# Disk DescriptorFile\nversion=1\n", "vmdk")]
    [InlineData("# a script\nexit\n# Disk DescriptorFile\n", null)]
    [InlineData("", null)]
    public void The_beginning_tells(string head, string? expected) =>
        Assert.Equal(expected, ImageFormat.Recognise(Encoding.Latin1.GetBytes(head), []));

    [Theory]
    [InlineData("koly", 0, "dmg")]
    [InlineData("conectix", 0, "vpc")]
    [InlineData("conectix", 1, "vpc")]
    [InlineData("conectix", 2, null)]
    public void The_end_tells(string magic, int offset, string? expected)
    {
        byte[] tail = new byte[ImageFormat.TailLength];
        Encoding.Latin1.GetBytes(magic).CopyTo(tail, offset);
        Assert.Equal(expected, ImageFormat.Recognise(new byte[ImageFormat.HeadLength], tail));
    }

    private static void Open(RawFileOptions options)
    {
        using EventLoop loop = new("test");
        loop.Invoke(() =>
        {
            using FileEngine engine = FileEngine.CreateThreaded(loop);
            using RawFileNode node = RawFileNode.Open(options, engine);
        });
    }
}
