using CsCheck;

namespace Nacelle.Configuration.Tests;

/// <summary>Reports for people.</summary>
public sealed class TextReportTests
{
    private static readonly TextReportSettings s_plain = new(80, Colours: false, SummaryOnly: false);

    [Fact]
    public void Each_finding_has_its_place_its_line_its_reason_and_what_to_change()
    {
        const string expected = """
            guest.xml:5:4: refusal C2.IOTHREAD  I/O threads
                5 |   <iothreads>1</iothreads>
                  |    ^~~~~~~~~
              asked   an I/O thread
              why     the profile has no separate threads for virtio disks
              change  leave them out
              instead:
                  …
                    <memory unit="KiB">1048576</memory>
                    <vcpu>2</vcpu>
                -   <iothreads>1</iothreads>

            """;
        string text = TextReport.Write(SampleReport.Make("rhel7", ("guest.xml", SampleReport.Guest)), s_plain);
        Assert.StartsWith(expected, text, StringComparison.Ordinal);
        Assert.Contains("guest.xml:10:8: refusal C2.IOTHREAD  I/O threads\n   10 |       <driver name='qemu'", text, StringComparison.Ordinal);
        Assert.Contains(
            "    -   <driver name=\"qemu\" type=\"raw\" cache=\"none\" iothread=\"1\" />\n    +   <driver name=\"qemu\" type=\"raw\" cache=\"none\" />\n",
            text,
            StringComparison.Ordinal);
        Assert.Contains("guest.xml:13:8: warning TEXT.UNKNOWN  not understood\n", text, StringComparison.Ordinal);
        Assert.Contains("  why     unknown element <sparkle> in <disk>; a start refuses it\n", text, StringComparison.Ordinal);
        Assert.Contains("\nguest.xml: 2 refusals, 1 warning under profile rhel7; --fix corrects 2\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', text);
        Assert.DoesNotContain(" \n", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public void What_is_clean_is_one_line_and_what_a_start_would_refuse_stands_apart()
    {
        string text = TextReport.Write(SampleReport.Make("none", ("quiet.xml", SampleReport.Clean)), s_plain);
        Assert.Contains("quiet.xml: no findings under profile none\n", text, StringComparison.Ordinal);
        string loud = TextReport.Write(
            SampleReport.Make("none", ("loud.xml", "<domain type='kvm'><name>a</name><memory>65536</memory><os><type machine='q35'>hvm</type></os><devices><sound model='sb16'/></devices></domain>")), s_plain);
        Assert.StartsWith("loud.xml: a machine of this version would not start with this:\n  - ", loud, StringComparison.Ordinal);
        Assert.Contains("\n\nloud.xml: no findings under profile none\n", loud, StringComparison.Ordinal);
        Assert.Equal(
            "quiet.xml: no findings under profile none\n",
            TextReport.Write(SampleReport.Make("none", ("quiet.xml", SampleReport.Clean)), s_plain with { SummaryOnly = true }));
    }

    [Fact]
    public void A_text_that_cannot_be_used_says_where()
    {
        string text = TextReport.Write(SampleReport.Make("rhel7", ("bad.xml", SampleReport.Clean.Replace(">1</vcpu>", ">many</vcpu>", StringComparison.Ordinal))), s_plain);
        Assert.Matches(@"^bad\.xml:4:4: error TEXT\.INVALID  text that cannot be used\n    4 \|   <vcpu>many</vcpu>\n +\|    \^~~~\n  why     .*'many' is not valid", text);
        Assert.EndsWith("bad.xml: 1 error: the text cannot be used, and no other rule was asked\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_texts_have_a_sum_and_a_summary_alone_has_a_line_each()
    {
        string text = TextReport.Write(
            SampleReport.Make("rhel7", ("a.xml", SampleReport.Guest), ("b.xml", SampleReport.Clean)), s_plain with { SummaryOnly = true });
        Assert.Equal(
            """
            a.xml: 2 refusals, 1 warning under profile rhel7; --fix corrects 2
            b.xml: no findings under profile rhel7
            2 texts: 2 refusals, 1 warning under profile rhel7; --fix corrects 2

            """,
            text);
    }

    [Fact]
    public void Colours_are_escape_sequences_around_the_same_text()
    {
        CheckReport report = SampleReport.Make("rhel7", ("guest.xml", SampleReport.Guest));
        string coloured = TextReport.Write(report, s_plain with { Colours = true });
        Assert.Contains("\e[1;31mrefusal C2.IOTHREAD\e[0m", coloured, StringComparison.Ordinal);
        string bare = System.Text.RegularExpressions.Regex.Replace(coloured, "\e\\[[0-9;]*m", "");
        Assert.Equal(TextReport.Write(report, s_plain), string.Join('\n', bare.Split('\n').Select(line => line.TrimEnd(' '))));
    }

    [Fact]
    public void Nothing_of_a_text_moves_the_cursor_or_turns_its_direction()
    {
        const string hostile = "<domain type='kvm'><name>a\u202Eb\u009B31m</name><memory>1048576</memory><vcpu>300</vcpu><iothreads>1</iothreads><x\u0301y z='\u2066'/></domain>";
        string text = TextReport.Write(SampleReport.Make("rhel7", ("h\e]0;x\a.xml", hostile)), s_plain);
        Assert.DoesNotContain(text, character => char.IsControl(character) && character != '\n');
        Assert.DoesNotContain('\u202E', text);
        Assert.DoesNotContain('\u2066', text);
    }

    [Theory]
    [InlineData("        <driver name='qemu'/>", 10, 6, 60, "        <driver name='qemu'/>", 9, 6)]
    [InlineData("                                        <driver name='qemu' type='raw'/>", 42, 6, 40, "<driver name='qemu' type='raw'/>", 1, 6)]
    [InlineData("<a><b/><c/><d/><e/><f/><g/><h/><i/><j/><k/><l/><m/><n/>", 41, 1, 20, "…k/><l/><m/><n/>", 1, 1)]
    [InlineData("<a>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</a>", 2, 1, 20, "<a>aaaaaaaaaaaaaaaa…", 1, 1)]
    [InlineData("<名前>\t<vcpu>", 7, 4, 40, "<名前> <vcpu>", 8, 4)]
    [InlineData("short", 99, 5, 40, "short", 5, 1)]
    public void An_excerpt_keeps_what_is_marked(string line, int column, int length, int width, string text, int indent, int marked)
    {
        SourceExcerpt excerpt = SourceExcerpt.Cut(line, column, length, width);
        Assert.Equal((text, indent, marked), (excerpt.Text, excerpt.Indent, excerpt.Length));
        Assert.True(SafeText.Width(excerpt.Text) <= width, excerpt.Text);
    }

    [Fact]
    public void Lines_that_stay_far_from_a_change_are_left_out()
    {
        string before = string.Join('\n', Enumerable.Range(0, 30));
        string after = before.Replace("\n15\n", "\nfifteen\nmore\n", StringComparison.Ordinal);
        Assert.Equal(
            [
                (DifferenceKind.Gap, ""), (DifferenceKind.Same, "13"), (DifferenceKind.Same, "14"), (DifferenceKind.Removed, "15"),
                (DifferenceKind.Added, "fifteen"), (DifferenceKind.Added, "more"), (DifferenceKind.Same, "16"), (DifferenceKind.Same, "17"),
                (DifferenceKind.Gap, ""),
            ],
            LineDifference.Find(before, after).Select(line => (line.Kind, line.Text)));
        Assert.Empty(LineDifference.Find(before, before));
    }

    [Fact]
    public void A_difference_put_together_gives_both_texts() => Check.Sample(
        Gen.Select(Gen.Int[0, 3].Array[0, 12], Gen.Int[0, 3].Array[0, 12]),
        (left, right) =>
        {
            string before = string.Join('\n', left.Prepend(9));
            string after = string.Join('\n', right.Prepend(9));
            DifferenceLine[] lines = [.. LineDifference.Find(before, after)];
            return lines.Length == 0 ? before == after : lines.Any(line => line.Kind == DifferenceKind.Gap)
                || (Join(lines, DifferenceKind.Added) == before && Join(lines, DifferenceKind.Removed) == after);
        });

    private static string Join(IEnumerable<DifferenceLine> lines, DifferenceKind without) =>
        string.Join('\n', lines.Where(line => line.Kind != without).Select(line => line.Text));
}
