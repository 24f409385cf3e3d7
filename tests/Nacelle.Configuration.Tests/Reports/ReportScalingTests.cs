using System.Text;

namespace Nacelle.Configuration.Tests;

/// <summary>Reports take memory, and so work, that grows with what is checked and no faster.</summary>
public sealed class ReportScalingTests
{
    /// <summary>Twice as much of everything, and room for what lists grow by.</summary>
    private const double MostGrowth = 3.0;

    public static TheoryData<string, string> Forms
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (string kind in (string[])["corrections on lines", "corrections on one line", "unknown attributes on one line", "I/O threads", "equal names"])
            {
                foreach (string form in (string[])["text", "json", "sarif", "html"])
                {
                    data.Add(kind, form);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Twice_the_findings_take_twice_the_memory(string kind, string form)
    {
        Measure(kind, form, 20);
        long one = Measure(kind, form, 500);
        long two = Measure(kind, form, 1000);
        Assert.True(two < one * MostGrowth, $"{kind} as {form}: 500 take {one} bytes, 1000 take {two}");
    }

    private static long Measure(string kind, string form, int count)
    {
        byte[] text = Encoding.UTF8.GetBytes(Machine(kind, count));
        long before = GC.GetAllocatedBytesForCurrentThread();
        MachineDocument document = MachineDocument.Read(text);
        Assert.True(document.Configuration is not null, string.Join("\n", document.Problems.Take(3)));
        CheckReport report = new CheckReport { Program = "nacelle 0", Profile = RestrictionProfile.Get("rhel7") }
            .With("guest.xml", document, SourceText.Decode(text, document.Form));
        string printed = form switch
        {
            "json" => JsonReport.Write(report),
            "sarif" => SarifReport.Write(report),
            "html" => HtmlReport.Write(report),
            _ => TextReport.Write(report, new TextReportSettings(80, false, false)),
        };
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(report.Documents[0].Entries.Length >= count - 1, $"{report.Documents[0].Entries.Length} entries of {count}");
        Assert.NotEmpty(printed);
        return allocated;
    }

    private static string Machine(string kind, int count)
    {
        StringBuilder devices = new();
        for (int i = 0; i < count; i++)
        {
            string name = kind == "equal names" ? "vda" : $"vd{DiskNames.Letters(i)}";
            string driver = kind == "I/O threads" ? " iothread='1'" : kind == "unknown attributes on one line" ? " foo='bar'" : "";
            string tune = kind.StartsWith("corrections", StringComparison.Ordinal) ? "<iotune><total_iops_sec>5</total_iops_sec></iotune>" : "";
            devices.Append($"<disk type='file' device='disk'><driver name='qemu' type='raw'{driver}/><source file='/i/{i}'/><target dev='{name}' bus='virtio'/>{tune}</disk>");
            devices.Append(kind.EndsWith("one line", StringComparison.Ordinal) ? "" : "\n");
        }

        return $"<domain type='kvm'><name>t</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><iothreads>{(kind == "I/O threads" ? 1 : 0)}</iothreads>"
            + $"<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{devices}</devices></domain>";
    }
}
