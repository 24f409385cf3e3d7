using System.Text.Json;

namespace Nacelle.Bench.Workload;

/// <summary>JSON there and back, through types that the serializer takes apart at run time.</summary>
internal static class Documents
{
    public sealed record Part(string Name, int Count, double Weight, bool Spare);

    public sealed record Assembly(string Title, DateTime Made, List<Part> Parts, Dictionary<string, int[]> Places);

    internal static ulong Run(double scale)
    {
        Numbers numbers = new();
        ulong sum = Checksum.Start;
        for (int round = 0; round < 300 * scale; round++)
        {
            Assembly assembly = Make(numbers, round);
            string text = JsonSerializer.Serialize(assembly);
            Assembly back = JsonSerializer.Deserialize<Assembly>(text)!;
            using JsonDocument document = JsonDocument.Parse(text);
            sum = Checksum.Add(sum, text);
            sum = Checksum.Add(sum, BitConverter.DoubleToUInt64Bits(back.Parts.Sum(part => part.Weight * part.Count)));
            sum = Checksum.Add(sum, (ulong)document.RootElement.GetProperty("Places").EnumerateObject().Sum(place => place.Value.GetArrayLength()));
        }

        return sum;
    }

    private static Assembly Make(Numbers numbers, int round) => new(
        $"assembly \"{round}\" ü€",
        DateTime.UnixEpoch.AddMinutes(round),
        [.. Enumerable.Range(0, 60).Select(i => new Part($"part {i}", numbers.Next(1000), numbers.Next(1 << 20) / 1024.0, numbers.Next(2) == 0))],
        Enumerable.Range(0, 12).ToDictionary(i => $"shelf {i}", i => Enumerable.Range(i, 8).Select(_ => numbers.Next(500)).ToArray()));
}
