using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>The forms in which a machine can be described.</summary>
public enum MachineDocumentForm
{
    /// <summary>Domain XML of libvirt.</summary>
    DomainXml,

    /// <summary>JSON of <see cref="MachineConfiguration"/>.</summary>
    Json,

    /// <summary>Arguments for QEMU.</summary>
    QemuArguments,

    /// <summary>Options of the command line.</summary>
    CommandLine,
}

/// <summary>A configuration with what is known of the text that it was read from. Immutable.</summary>
public sealed record MachineDocument
{
    /// <summary>The form of the text.</summary>
    public required MachineDocumentForm Form { get; init; }

    /// <summary>The configuration; null where the text has problems.</summary>
    public MachineConfiguration? Configuration { get; init; }

    /// <summary>What is wrong with the text.</summary>
    public ImmutableArray<ConfigurationProblem> Problems { get; init; } = [];

    /// <summary>What nothing is known of, and is in no configuration.</summary>
    public ImmutableArray<UnknownPart> Unknown { get; init; } = [];

    /// <summary>Where values stand in the text, by JSON pointer.</summary>
    public IReadOnlyDictionary<string, SourcePlace> Places { get; init; } = FrozenDictionary<string, SourcePlace>.Empty;

    /// <summary>Where a value stands, or what contains it.</summary>
    /// <param name="pointer">A JSON pointer.</param>
    /// <returns>Null where nothing is known.</returns>
    public SourcePlace? Find(string pointer)
    {
        ArgumentNullException.ThrowIfNull(pointer);
        while (true)
        {
            if (Places.TryGetValue(pointer, out SourcePlace? place))
            {
                return place;
            }

            int slash = pointer.LastIndexOf('/');
            if (slash < 0)
            {
                return null;
            }

            pointer = pointer[..slash];
        }
    }

    /// <summary>Reads a file of any form: QEMU arguments are told by their name, others by their first character.</summary>
    /// <param name="name">The file's name; *.args has QEMU arguments, one a line.</param>
    /// <param name="text">Its bytes.</param>
    public static MachineDocument ReadFile(string name, byte[] text)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.EndsWith(".args", StringComparison.Ordinal) ? QemuArgumentsDocument.ReadFile(text) : Read(text);
    }

    /// <summary>Reads a text of either form, told apart by its first character.</summary>
    /// <param name="text">Bytes of domain XML or JSON.</param>
    public static MachineDocument Read(byte[] text)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach (byte character in text)
        {
            if (character == (byte)'{')
            {
                return MachineConfigurationJson.Read(text);
            }

            if (character == (byte)'<')
            {
                break;
            }
        }

        return DomainXmlDocument.Read(text);
    }

    /// <summary>A text that cannot be read at all.</summary>
    internal static MachineDocument Broken(MachineDocumentForm form, ConfigurationSyntaxException error) => new()
    {
        Form = form,
        Problems = [new ConfigurationProblem(error.Position, error.Message)],
    };
}
