using System.Text;
using Nacelle.Configuration;

namespace Nacelle.Fuzz;

/// <summary>Lets the input be domain XML, JSON, a profile or arguments for QEMU.</summary>
internal static class MachineDocumentTarget
{
    private static readonly RestrictionProfile s_profile = RestrictionProfile.Get("rhel7-guide");

    /// <summary>Reads the input as domain XML or JSON; what is taken is judged, written and read back.</summary>
    /// <exception cref="InvalidOperationException">What was written reads back as something else.</exception>
    public static void RunDocument(ReadOnlySpan<byte> input) => Follow(MachineDocument.Read(input.ToArray()));

    /// <summary>Reads the input as arguments for QEMU, one a line.</summary>
    public static void RunArguments(ReadOnlySpan<byte> input) => Follow(QemuArgumentsDocument.ReadFile(input.ToArray()));

    /// <summary>Reads the input as a profile.</summary>
    public static void RunProfile(ReadOnlySpan<byte> input)
    {
        try
        {
            _ = RestrictionProfile.Parse(input.ToArray(), "input");
        }
        catch (ConfigurationException)
        {
            // What is no profile is refused by this.
        }
    }

    private static void Follow(MachineDocument document)
    {
        if (document.Configuration is not { } machine)
        {
            return;
        }

        _ = RuleChecker.Check(new RuleContext { Document = document, Operations = [.. Enum.GetValues<MachineOperation>()] }, s_profile);
        string json = MachineConfigurationJson.Write(machine);
        MachineDocument again = MachineConfigurationJson.Read(Encoding.UTF8.GetBytes(json));
        if (document.Form == MachineDocumentForm.DomainXml && (again.Configuration is null || MachineConfigurationJson.Write(again.Configuration) != json))
        {
            throw new InvalidOperationException("JSON reads back as something else");
        }

        if (document.Form == MachineDocumentForm.DomainXml
            && DomainXmlDocument.Read(Encoding.UTF8.GetBytes(DomainXmlDocument.Write(machine))) is var xml
            && (xml.Configuration is null || MachineConfigurationJson.Write(xml.Configuration) != json))
        {
            throw new InvalidOperationException("XML reads back as something else");
        }

        try
        {
            _ = MachineDescriptionMaker.Make(document);
        }
        catch (MachineRefusedException)
        {
            // What machines do not have is refused by this.
        }
    }
}
