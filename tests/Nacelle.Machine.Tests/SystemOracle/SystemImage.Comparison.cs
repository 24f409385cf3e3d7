using System.Text;
using Nacelle.Cpu;
using Nacelle.Kvm;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <content>The comparison of both accelerators.</content>
internal sealed partial class SystemImage
{
    /// <summary>Runs it on both, and wants the same of both.</summary>
    /// <param name="exceptions">Beginnings of the names of what differs, with the reason: where KVM does not do what the manual says, and the gaps of the translator.</param>
    /// <param name="output">Where the counts go.</param>
    /// <param name="least">How many have to be comparable at least, of a hundred.</param>
    public void Compare(ITestOutputHelper output, int least, params (string Begin, string Reason)[] exceptions)
    {
        ImageRun translator = RunOnTranslator();
        Assert.True(
            translator.Ending == VirtualCpuExitReason.Requested && translator.Records.Count == _names.Count,
            $"the translator ended with {translator} after '{(translator.Records.Count == 0 ? "nothing" : _names[Math.Min(translator.Records.Count, _names.Count) - 1])}', {translator.Records.Count} of {_names.Count}");
        KvmProbe probe = KvmHost.Probe();
        Assert.SkipUnless(probe.Availability == KvmAvailability.Available, probe.Reason ?? "no KVM");
        ImageRun kvm = RunOnKvm();
        StringBuilder differences = new();
        int excepted = 0;
        int unknown = 0;
        int count = 0;
        for (int i = 0; i < _names.Count; i++)
        {
            if (i >= kvm.Records.Count)
            {
                differences.AppendLine($"{_names[i]}: KVM came no further: {kvm}");
                count++;
                break;
            }

            if (kvm.Records[i].AsSpan().SequenceEqual(translator.Records[i]))
            {
                continue;
            }

            if (kvm.Records[i][0] == NotEmulated)
            {
                unknown++;
                continue;
            }

            if (exceptions.Any(entry => _names[i].StartsWith(entry.Begin, StringComparison.Ordinal)))
            {
                excepted++;
                continue;
            }

            count++;
            if (count <= 60)
            {
                differences.AppendLine($"{_names[i]}:\n  KVM        {Describe(kvm.Records[i])}\n  translator {Describe(translator.Records[i])}");
            }
        }

        output.WriteLine($"{_names.Count} compared, {count} differ, {excepted} differ as listed, {unknown} are not known to the host's emulator{(_firstRefusal is null ? "" : $", the first: {_firstRefusal}")}");
        Assert.True((_names.Count - unknown - excepted) * 100 >= least * _names.Count, $"the host's KVM could run {_names.Count - unknown - excepted} of {_names.Count} only");
        Assert.True(translator.Records.Count(record => record[0] == Shutdown) * 2 < _names.Count + 4, "most attempts end in a shutdown");
        output.WriteLine($"seen: {string.Join(", ", translator.Records.GroupBy(record => record[0]).OrderBy(group => group.Key).Select(group => $"{group.Count()} × vector {group.Key}"))}");
        Assert.True(differences.Length == 0, $"{count} of {_names.Count} differ\n{differences}");
    }

    /// <summary>A record in words.</summary>
    public static string Describe(ulong[] record) => record[0] == Shutdown ? "shutdown" : record[0] == NotEmulated ? "not emulated"
        : record[0] == Completed
        ? $"completed: {string.Join(' ', record[1..].Select(word => word.ToString("x")))}"
        : $"vector {record[0]} error 0x{record[1]:x} rip 0x{record[2]:x} cs 0x{(ushort)record[3]:x} ss 0x{record[3] >> 32:x} "
            + $"flags 0x{record[4]:x} rsp 0x{record[5]:x} cr2 0x{record[6]:x} extra 0x{record[7]:x}";
}
