using System.Collections.Frozen;

namespace Nacelle.Configuration;

/// <summary>The words of an enumeration, the same in domain XML and JSON. Immutable.</summary>
/// <typeparam name="TValue">The enumeration.</typeparam>
/// <param name="words">Each value with its word.</param>
internal sealed class WordTable<TValue>(params (TValue Value, string Word)[] words) : TextType<TValue> where TValue : struct, Enum
{
    private readonly FrozenDictionary<string, TValue> _values = words.ToFrozenDictionary(pair => pair.Word, pair => pair.Value, StringComparer.Ordinal);
    private readonly FrozenDictionary<TValue, string> _words = words.ToFrozenDictionary(pair => pair.Value, pair => pair.Word);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Words { get; } = [.. words.Select(pair => pair.Word)];

    /// <inheritdoc/>
    public override string Expectation => $"one of {string.Join(", ", Words)}";

    /// <inheritdoc/>
    public override bool TryParse(string text, out TValue value) => _values.TryGetValue(text, out value);

    /// <inheritdoc/>
    public override string Format(TValue value) => _words[value];

    /// <inheritdoc/>
    public override bool IsValid(TValue value) => _words.ContainsKey(value);
}
