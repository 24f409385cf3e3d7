namespace Nacelle.Configuration;

/// <summary>A text is not of the form that it claims to have, and nothing can be said of what it means.</summary>
public sealed class ConfigurationSyntaxException : Exception
{
    /// <summary>Says what is wrong and where.</summary>
    /// <param name="message">What is wrong, without the place.</param>
    /// <param name="position">Where.</param>
    /// <param name="inner">What found it.</param>
    public ConfigurationSyntaxException(string message, SourcePosition position, Exception? inner = null) : base(message, inner) =>
        Position = position;

    /// <summary>Where.</summary>
    public SourcePosition Position { get; }
}
