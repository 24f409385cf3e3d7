namespace Nacelle.Configuration;

/// <summary>One name=value of an argument for QEMU. For one thread.</summary>
/// <param name="name">The name; of JSON the path with dots.</param>
/// <param name="value">The value, on and off for what JSON writes true and false.</param>
/// <param name="position">Where the name begins.</param>
internal sealed class QemuSetting(string name, string value, SourcePosition position)
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;

    /// <summary>The value.</summary>
    public string Value { get; } = value;

    /// <summary>Where the name begins.</summary>
    public SourcePosition Position { get; } = position;

    /// <summary>Whether a name stood alone, which means on.</summary>
    public bool IsBare { get; init; }

    /// <summary>Whether the configuration has it.</summary>
    public bool IsTaken { get; set; }

    /// <inheritdoc/>
    public override string ToString() => Value.Length <= 60 ? $"{Name}={Value}" : $"{Name}={Value.AsSpan(0, 57)}...";
}
