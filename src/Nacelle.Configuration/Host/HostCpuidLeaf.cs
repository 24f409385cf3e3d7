using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Nacelle.Cpu;

namespace Nacelle.Configuration;

/// <summary>One answer of CPUID. In text a line of what <c>cpuid -r</c> prints: "0x00000001 0x00: eax=0x… ebx=0x… ecx=0x… edx=0x…".</summary>
/// <param name="Function">EAX on entry.</param>
/// <param name="Index">ECX on entry.</param>
/// <param name="Result">The answer.</param>
[JsonConverter(typeof(Converter))]
public readonly partial record struct HostCpuidLeaf(uint Function, uint Index, CpuidResult Result)
{
    /// <summary>As a row of a table; the index counts where the function has several rows.</summary>
    /// <param name="all">All leaves of the same processor.</param>
    public CpuidEntry ToEntry(ImmutableArray<HostCpuidLeaf> all)
    {
        bool several = false;
        foreach (HostCpuidLeaf leaf in all)
        {
            several |= leaf.Function == Function && leaf.Index != Index;
        }

        return new CpuidEntry(Function, Index, several || HasIndex(Function), Result);
    }

    /// <summary>Reads a line; null where it is none.</summary>
    public static HostCpuidLeaf? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Match match = Line().Match(text);
        if (!match.Success)
        {
            return null;
        }

        uint Number(int group) => uint.Parse(match.Groups[group].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return new HostCpuidLeaf(Number(1), Number(2), new CpuidResult(Number(3), Number(4), Number(5), Number(6)));
    }

    /// <summary>The line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"0x{Function:x8} 0x{Index:x2}: eax=0x{Result.Eax:x8} ebx=0x{Result.Ebx:x8} ecx=0x{Result.Ecx:x8} edx=0x{Result.Edx:x8}");

    /// <summary>Functions whose answer depends on ECX (SDM volume 2, CPUID; AMD volume 3, appendix E).</summary>
    internal static bool HasIndex(uint function) => function is 4 or 7 or 0xB or 0xD or 0xF or 0x10 or 0x12 or 0x14 or 0x17 or 0x18
        or 0x1D or 0x1E or 0x1F or 0x20 or 0x24 or 0x8000_001D or 0x8000_0020 or 0x8000_0026;

    [GeneratedRegex(
        "^0x([0-9a-f]{8}) 0x([0-9a-f]{2,8}): eax=0x([0-9a-f]{8}) ebx=0x([0-9a-f]{8}) ecx=0x([0-9a-f]{8}) edx=0x([0-9a-f]{8})$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Line();

    internal sealed class Converter : JsonConverter<HostCpuidLeaf>
    {
        public override HostCpuidLeaf Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            (reader.TokenType == JsonTokenType.String ? TryParse(reader.GetString()!) : null)
            ?? throw new JsonException("this is not an answer of CPUID: write \"0x00000001 0x00: eax=0x… ebx=0x… ecx=0x… edx=0x…\", with eight digits each");

        public override void Write(Utf8JsonWriter writer, HostCpuidLeaf value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }
}
