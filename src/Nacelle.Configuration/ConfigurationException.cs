namespace Nacelle.Configuration;

/// <summary>A value that cannot be understood: what was asked, what is in the way, what to change. One line for a person.</summary>
/// <param name="message">The line.</param>
public sealed class ConfigurationException(string message) : Exception(message);
