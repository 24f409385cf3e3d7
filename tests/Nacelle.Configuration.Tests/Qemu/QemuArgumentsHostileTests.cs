using System.Diagnostics;
using CsCheck;

namespace Nacelle.Configuration.Tests.Qemu;

/// <summary>Arguments that nobody vouches for.</summary>
public sealed class QemuArgumentsHostileTests
{
    private static readonly string[] s_words =
    [
        "-device", "-drive", "-blockdev", "-netdev", "-chardev", "-object", "-machine", "-cpu", "-smp", "-m", "-numa", "-boot", "-serial", "-vnc", "-rtc", "-smbios",
        "virtio-blk-pci,drive=d", "if=none,id=d,file=json:{\"driver\":\"raw\",\"file\":\"d\"}", "driver=raw,node-name=d,file=d", "{\"driver\":\"qcow2\",\"node-name\":\"d\",\"file\":{}}",
        "node,cpus=0-16000", "cpu,node-id=0", "iothread,id=99999999999", "udp:@:", "unix:,no", ":99999999", "addr=ffffffff.9", "type=11,value=,value=,,", "tap,id=n,br=", "socket,id=c",
        "user,hostfwd=::-:", "pxb,id=p,bus=p", "virtio-net,netdev=n,bus=p,addr=", "scsi-hd,bus=.99999999999,lun=99999999999", "ide-cd,bus=ide.99", "vfio-pci,host=::::", "q35", "=,=,=", ",,,,", "",
    ];

    /// <summary>A node that is its own file and backing image.</summary>
    [Fact]
    public void NodesThatReferToThemselvesAreRefused()
    {
        MachineDocument document = QemuArgumentsDocument.Read(
            ["-blockdev", "driver=qcow2,node-name=a,file=b,backing=a", "-blockdev", "driver=raw,node-name=b,file=a", "-device", "virtio-blk,drive=a"]);
        Assert.Contains(document.Problems, problem => problem.Message.Contains("refers to itself", StringComparison.Ordinal));
    }

    /// <summary>Large arguments take bounded time.</summary>
    [Fact]
    public void LargeArgumentsAreReadInBoundedTime()
    {
        Stopwatch watch = Stopwatch.StartNew();
        foreach (string text in (string[])
            [
                new string(',', 1 << 20), new string('{', 1 << 20), "virtio-blk-pci," + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"a{i}=1")),
                "{\"driver\":" + new string('[', 100_000), "x" + new string('=', 1 << 20), "1" + new string('0', 1 << 20),
            ])
        {
            foreach (string option in (string[])["-device", "-blockdev", "-m", "-cpu", "-append", "-drive", "-smp"])
            {
                _ = QemuArgumentsDocument.Read([option, text]);
            }
        }

        Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"reading took {watch.Elapsed}");
    }

    /// <summary>More than the bounds is refused.</summary>
    [Fact]
    public void MoreThanTheBoundsIsRefused()
    {
        Assert.Single(QemuArgumentsDocument.Read([.. Enumerable.Repeat("-usb", 10_001)]).Problems);
        Assert.Single(QemuArgumentsDocument.Read(["-append", new string('a', 5 << 20)]).Problems);
        Assert.Single(QemuArgumentsDocument.Read([]).Problems);
        Assert.Single(QemuArgumentsDocument.ReadFile([0xFF, 0xFE]).Problems);
    }

    /// <summary>Random texts and words of the language never make an exception, and a document says yes or why not.</summary>
    [Fact]
    public void RandomArgumentsNeverThrow() =>
        Gen.OneOf(Gen.Int[0, s_words.Length - 1].Select(i => s_words[i]), Gen.String[Gen.Char['!', '~'], 0, 20]).Array[1, 12].Sample(
            arguments =>
            {
                MachineDocument document = QemuArgumentsDocument.Read(arguments);
                return document.Configuration is null != document.Problems.IsEmpty;
            },
            iter: 3000);
}
