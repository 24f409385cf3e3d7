namespace Nacelle.Configuration;

/// <summary>What values a property may have, where its type does not say all.</summary>
/// <param name="Words">All words; null where there is no list.</param>
/// <param name="Range">Least and greatest number; null where it is none.</param>
/// <param name="Expectation">The same in a phrase.</param>
internal sealed record ShapeValues(IReadOnlyList<string>? Words, (ulong Least, ulong Most)? Range, string Expectation);

/// <summary>Gathers what values properties may have. For one thread.</summary>
internal sealed class ShapeCatalogue
{
    private readonly HashSet<object> _entered = [];
    private readonly Dictionary<(Type Record, string Property), ShapeValues> _values = [];

    /// <summary>Whether a shape was not entered before; shapes contain themselves.</summary>
    public bool Enter(object shape) => _entered.Add(shape);

    /// <summary>Adds a property.</summary>
    public void Add(Type record, string property, ShapeValues values) => _values.TryAdd((record, property), values);

    /// <summary>Finds a property of a record or of one that inherits from it.</summary>
    public ShapeValues? Find(Type record, string property) => _values.TryGetValue((record, property), out ShapeValues? values)
        ? values
        : _values.FirstOrDefault(pair => pair.Key.Property == property && pair.Key.Record.IsSubclassOf(record)).Value;
}
