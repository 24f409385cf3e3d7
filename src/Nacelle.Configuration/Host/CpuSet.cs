using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nacelle.Configuration;

/// <summary>A set of logical processors, written as Linux writes it: "0-3,8". Immutable, in ascending order.</summary>
[JsonConverter(typeof(Converter))]
public sealed class CpuSet : IReadOnlyCollection<int>, IEquatable<CpuSet>
{
    /// <summary>The highest number of a processor that is understood: Linux is built for 8192 at most.</summary>
    public const int HighestCpu = 8191;

    private readonly ImmutableArray<int> _cpus;

    private CpuSet(ImmutableArray<int> cpus) => _cpus = cpus;

    /// <summary>None.</summary>
    public static CpuSet Empty { get; } = new([]);

    /// <inheritdoc/>
    public int Count => _cpus.Length;

    /// <summary>A set of the processors given.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative or above <see cref="HighestCpu"/>.</exception>
    public static CpuSet Of(IEnumerable<int> cpus)
    {
        ArgumentNullException.ThrowIfNull(cpus);
        ImmutableArray<int> sorted = [.. cpus.Distinct().Order()];
        foreach (int cpu in sorted)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(cpu, nameof(cpus));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(cpu, HighestCpu, nameof(cpus));
        }

        return new CpuSet(sorted);
    }

    /// <summary>Reads numbers and ranges; an empty text is the empty set.</summary>
    /// <returns>Null where the text is not such a list, or names a processor above <see cref="HighestCpu"/>.</returns>
    public static CpuSet? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return string.IsNullOrWhiteSpace(text) ? Empty
            : NumberRanges.TryParse(text, HighestCpu, exclusions: false) is int[] cpus ? new CpuSet([.. cpus])
            : null;
    }

    /// <summary>Whether a processor is in the set.</summary>
    public bool Contains(int cpu) => _cpus.BinarySearch(cpu) >= 0;

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)_cpus).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <inheritdoc/>
    public bool Equals(CpuSet? other) => other is not null && _cpus.AsSpan().SequenceEqual(other._cpus.AsSpan());

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CpuSet);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_cpus.Length, _cpus.FirstOrDefault(), _cpus.LastOrDefault());

    /// <summary>As Linux writes it.</summary>
    public override string ToString()
    {
        List<string> parts = [];
        for (int i = 0; i < _cpus.Length;)
        {
            int end = i;
            while (end + 1 < _cpus.Length && _cpus[end + 1] == _cpus[end] + 1)
            {
                end++;
            }

            parts.Add(end == i
                ? _cpus[i].ToString(CultureInfo.InvariantCulture)
                : string.Create(CultureInfo.InvariantCulture, $"{_cpus[i]}-{_cpus[end]}"));
            i = end + 1;
        }

        return string.Join(',', parts);
    }

    internal sealed class Converter : JsonConverter<CpuSet>
    {
        public override CpuSet Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            string text = reader.TokenType == JsonTokenType.String
                ? reader.GetString()!
                : throw new JsonException("a list of processors is a string, such as \"0-3,8\"");
            return TryParse(text) ?? throw new JsonException(
                $"'{text}' is not a list of processors: write numbers from 0 to {HighestCpu} and ranges, such as 0-3,8");
        }

        public override void Write(Utf8JsonWriter writer, CpuSet value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
