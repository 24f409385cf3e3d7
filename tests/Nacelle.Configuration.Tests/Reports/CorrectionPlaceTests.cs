using System.Text;

namespace Nacelle.Configuration.Tests;

/// <summary>Corrections are made in the text: all else stays, character for character.</summary>
public sealed class CorrectionPlaceTests
{
    private const string Head = "<domain type='kvm'><name>a</name><memory unit='MiB'>512</memory><os><type machine='q35'>hvm</type></os>";

    public static TheoryData<string, string> Texts => new()
    {
        // A list is taken out with its line; comments, odd blanks, other quotes and what nothing is known of stay.
        {
            "<?xml version=\"1.0\"?>\n<!-- mine -->\n" + Head + "\n  <iothreads>1</iothreads>\n  <sparkle/>\n  <devices ><!-- disks -->\n    <disk device='disk'   type=\"file\">\n"
                + "      <driver io=\"threads\" iothread='1' name='qemu'/><source file='/a&amp;b'/>\n      <target bus='virtio' dev='vda'/><!-- a --></disk>\n  </devices></domain>\n",
            "<?xml version=\"1.0\"?>\n<!-- mine -->\n" + Head + "\n  <sparkle/>\n  <devices ><!-- disks -->\n    <disk device='disk'   type=\"file\">\n"
                + "      <driver io=\"threads\" name='qemu'/><source file='/a&amp;b'/>\n      <target bus='virtio' dev='vda'/><!-- a --></disk>\n  </devices></domain>\n"
        },

        // One line stays one.
        {
            Head + "<devices><disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/><iotune><total_iops_sec>5</total_iops_sec></iotune></disk></devices></domain>",
            Head + "<devices><disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/></disk></devices></domain>"
        },

        // A value changes where it stands, with its own quotes.
        {
            Head + "\r\n<devices>\r\n\t<controller model=\"lsilogic\" type='scsi'/>\r\n</devices>\r\n</domain>",
            Head + "\r\n<devices>\r\n\t<controller model=\"virtio-scsi\" type='scsi'/>\r\n</devices>\r\n</domain>"
        },

        // An attribute more.
        { Head + "<devices><controller type='scsi' /></devices></domain>", Head + "<devices><controller type='scsi' model='virtio-scsi' /></devices></domain>" },

        // Of several schedules those for real time go.
        {
            Head + "<vcpu>2</vcpu>\n <cputune>\n  <vcpusched vcpus='0' scheduler='fifo' priority='1'/>\n  <vcpusched vcpus='1' scheduler='batch'/>\n  <emulatorsched scheduler='rr' priority='2'/>\n </cputune>\n</domain>",
            Head + "<vcpu>2</vcpu>\n <cputune>\n  <vcpusched vcpus='1' scheduler='batch'/>\n </cputune>\n</domain>"
        },

        // Nothing to correct is nothing to change: translation least of all.
        { Head.Replace("'kvm'", "'qemu'", StringComparison.Ordinal) + "<!-- x --></domain>", Head.Replace("'kvm'", "'qemu'", StringComparison.Ordinal) + "<!-- x --></domain>" },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void What_no_correction_changes_is_as_it_was(string text, string corrected)
    {
        CheckReport report = SampleReport.Add(SampleReport.Make("rhel7"), "a.xml", Encoding.UTF8.GetBytes(text));
        Corrections corrections = Corrections.Make(report, report.Documents[0], "b.xml");
        Assert.True(corrections.IsInPlace, corrections.Text);
        Assert.Equal(corrected, corrections.Text);
        Assert.Equal(Encoding.UTF8.GetBytes(corrected), corrections.Bytes.ToArray());
    }

    [Fact]
    public void Another_encoding_stays_what_it_is()
    {
        string text = "<?xml version='1.0' encoding='UTF-16'?>" + Head + "<iothreads>1</iothreads><title>\u00FC</title></domain>";
        byte[] bytes = [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(text)];
        CheckReport report = SampleReport.Add(SampleReport.Make("rhel7"), "a.xml", bytes);
        Corrections corrections = Corrections.Make(report, report.Documents[0], "b.xml");
        Assert.True(corrections.IsInPlace);
        Assert.Equal([.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes(text.Replace("<iothreads>1</iothreads>", "", StringComparison.Ordinal))], corrections.Bytes.ToArray());
    }

    /// <summary>Machines of the corpus are corrected in place, or the order of their elements is another than is written.</summary>
    [Fact]
    public void Most_of_the_corpus_is_corrected_in_place()
    {
        string[] anew =
        [
            .. CorpusFiles.Xml.Where(name =>
            {
                CheckReport report = SampleReport.Add(SampleReport.Make("rhel7"), name, CorpusFiles.Read(name));
                return !Corrections.Make(report, report.Documents[0], "b.xml").IsInPlace;
            }),
        ];
        Assert.True(anew.Length == 0, string.Join("\n", anew));
    }
}
