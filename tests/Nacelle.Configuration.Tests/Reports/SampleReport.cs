using System.Text;

namespace Nacelle.Configuration.Tests;

/// <summary>Reports of small texts.</summary>
internal static class SampleReport
{
    /// <summary>A guest with an I/O thread that a disk uses, limits, and something that nothing is known of.</summary>
    public const string Guest = """
        <domain type='kvm'>
          <name>web</name>
          <memory unit='KiB'>1048576</memory>
          <vcpu>2</vcpu>
          <iothreads>1</iothreads>
          <os><type arch='x86_64' machine='q35'>hvm</type></os>
          <devices>
            <disk type='file' device='disk'>
              <!-- fast -->
              <driver name='qemu' type='raw' cache='none' iothread='1'/>
              <source file='/srv/web.raw'/>
              <target dev='vda' bus='virtio'/>
              <sparkle much='yes'/>
            </disk>
          </devices>
        </domain>

        """;

    /// <summary>A guest that no profile says anything of.</summary>
    public const string Clean = """
        <domain type='kvm'>
          <name>quiet</name>
          <memory unit='KiB'>1048576</memory>
          <vcpu>1</vcpu>
          <os><type arch='x86_64' machine='q35'>hvm</type></os>
        </domain>

        """;

    /// <summary>Checks texts.</summary>
    public static CheckReport Make(string profile, params (string Name, string Text)[] texts)
    {
        CheckReport report = new() { Program = "nacelle 0.0.0", Profile = RestrictionProfile.Get(profile) };
        foreach ((string name, string text) in texts)
        {
            report = Add(report, name, Encoding.UTF8.GetBytes(text));
        }

        return report;
    }

    /// <summary>Checks one more.</summary>
    public static CheckReport Add(CheckReport report, string name, byte[] bytes)
    {
        MachineDocument document = MachineDocument.Read(bytes);
        return report.With(name, document, SourceText.Decode(bytes, document.Form));
    }

    /// <summary>The guest as JSON.</summary>
    public static string Json(string xml) =>
        MachineConfigurationJson.Write(DomainXmlDocument.Read(Encoding.UTF8.GetBytes(xml)).Configuration!);
}
