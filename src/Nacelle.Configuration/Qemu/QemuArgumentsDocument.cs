using System.Text;
using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>Arguments for qemu-system-x86_64 7.2, read as a description of a machine. Stateless.</summary>
/// <remarks>
/// What the guest would notice is in the configuration or, where that has no place for it, in <see cref="MachineDocument.Unknown"/>.
/// Options about QEMU's process (<see cref="ProcessOptions"/>) are in neither. Devices that QEMU adds by itself without -nodefaults
/// are in the configuration. The line of a place is the number of the argument, from 1; the column is the character in it.
/// </remarks>
public static class QemuArgumentsDocument
{
    /// <summary>Most arguments.</summary>
    private const int MostArguments = 10_000;

    /// <summary>Most characters of all arguments together.</summary>
    private const int MostCharacters = 4 << 20;

    /// <summary>Options about the process and how it is controlled, that a guest does not notice.</summary>
    public static IReadOnlyList<string> ProcessOptions { get; } =
        [.. QemuOptionTable.Process.Select(option => option.Name), "-monitor", "-qmp", "-qmp-pretty", "-mon"];

    /// <summary>Reads arguments that nobody vouches for.</summary>
    /// <param name="arguments">The arguments, with or without the program's name before them.</param>
    public static MachineDocument Read(IReadOnlyList<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        return Read([.. arguments.Select((text, index) => (text, index + 1))]);
    }

    /// <summary>Reads a file with one argument a line; empty lines and those that begin with # are no arguments.</summary>
    /// <param name="text">Its bytes, UTF-8.</param>
    public static MachineDocument ReadFile(byte[] text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string decoded;
        try
        {
            decoded = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(text);
        }
        catch (DecoderFallbackException error)
        {
            return MachineDocument.Broken(
                MachineDocumentForm.QemuArguments, new ConfigurationSyntaxException("the text is not UTF-8", new SourcePosition(1, 1), error));
        }

        return Read([.. decoded.Split('\n').Select((line, index) => (Text: line.TrimEnd('\r'), Line: index + 1))
            .Where(line => line.Text.Length != 0 && line.Text[0] != '#')]);
    }

    /// <summary>Writes a configuration as arguments, the program's name left out.</summary>
    /// <remarks>
    /// What people and management tools keep beside the machine is not written: title, description, metadata, security labels, the
    /// control group, names of disks. Each other part that QEMU 7.2 has no argument for is refused. Defaults of QEMU are switched
    /// off. Ids that begin with made- are of this method and name nothing in the configuration.
    /// </remarks>
    /// <exception cref="ConfigurationException">It has parts that cannot be said; the message lists them.</exception>
    public static IReadOnlyList<string> Write(MachineConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        XmlTreeElement root = new("", "domain", default);
        DomainShape.Domain.Write(configuration, root);
        QemuWriting writing = new(root);
        QemuBoardWriter.Write(writing, configuration.Accelerator == AcceleratorChoice.Auto);
        QemuCpuWriter.Write(writing);
        QemuDeviceWriter.Write(writing);
        Own(configuration.Nacelle, writing);
        IReadOnlyList<string> left = writing.Left();
        return left.Count == 0
            ? writing.Arguments
            : throw new ConfigurationException($"QEMU has no argument for {string.Join("; ", left)}: take it out of the configuration");
    }

    private static void Own(NacelleConfiguration? own, QemuWriting writing)
    {
        if (own?.DebugExitPort is int port)
        {
            writing.Add("-device", "isa-debug-exit", $"iobase=0x{port:x}", $"iosize={QemuNumbers.Format(own.DebugExitLength ?? 2)}");
        }

        if (own?.TestDevice == true)
        {
            writing.Add("-device", "pc-testdev");
        }

        if (own is { CodeCache: not null } or { EvictEvery: not null })
        {
            writing.Refusals.Add("settings of Nacelle's translator");
        }
    }

    private static MachineDocument Read((string Text, int Line)[] arguments)
    {
        if (arguments.Length == 0 || arguments.Length > MostArguments || arguments.Sum(argument => (long)argument.Text.Length) > MostCharacters)
        {
            string message = arguments.Length == 0 ? "there are no arguments: a machine has at least one"
                : $"the arguments are more than {MostArguments}, or have more than {MostCharacters} characters";
            return MachineDocument.Broken(MachineDocumentForm.QemuArguments, new ConfigurationSyntaxException(message, new SourcePosition(1, 1)));
        }

        QemuReading reading = new(new SourcePosition(arguments[0].Line, 1));
        QemuCommandReader.Read(reading, arguments);
        return QemuDocumentBuilder.Build(reading);
    }
}
