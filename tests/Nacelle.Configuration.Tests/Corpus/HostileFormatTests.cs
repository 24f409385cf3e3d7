using System.Globalization;
using System.Text;
using System.Xml;

namespace Nacelle.Configuration.Tests.Corpus;

/// <summary>Each position that hostile input must be refused at is that of a token; the reader of the framework is the oracle.</summary>
public sealed class HostileFormatTests
{
    private static readonly HashSet<string> s_keywords =
    [
        "dtd", "entity", "encoding", "character", "malformed", "root", "duplicate", "number", "range", "unit", "missing",
        "unknown-element", "unknown-attribute", "text", "value",
    ];

    /// <summary>The files of hostile input.</summary>
    public static TheoryData<string> Hostile => [.. CorpusFiles.Configurations(CorpusFiles.Hostile)];

    [Theory]
    [MemberData(nameof(Hostile))]
    public void A_refusal_points_at_a_token(string name)
    {
        string expected = Assert.Single(CorpusFiles.Expected(CorpusFiles.Hostile, name));
        string[] words = expected.Split(' ', 3);
        int[] numbers = [.. words[0].Split(':').Select(number => int.Parse(number, NumberStyles.None, CultureInfo.InvariantCulture))];
        (int Line, int Column) position = (numbers[0], numbers[1]);
        string keyword = words[1].TrimEnd(':');
        Assert.Contains(keyword, s_keywords);

        string path = Path.Combine(CorpusFiles.Hostile, name);
        var tokens = new HashSet<(int, int)>();
        (int Line, int Column)? failure = null;
        try
        {
            AddTokens(path, tokens);
        }
        catch (XmlException exception)
        {
            failure = (exception.LineNumber, exception.LinePosition);
        }

        switch (keyword)
        {
            case "dtd":
                // The reader that refuses a document type says nothing of its place.
                Assert.NotNull(failure);
                string[] lines = File.ReadAllLines(path);
                Assert.EndsWith("<!DOCTYPE ", lines[position.Line - 1][..(position.Column - 1)], StringComparison.Ordinal);
                break;
            case "entity" or "encoding" or "character" or "malformed":
                Assert.NotNull(failure);
                Assert.True(failure == position || failure == (0, 0), $"{name}: the reader fails at {failure}, expected is {position}");
                Assert.InRange(position.Line, 1, File.ReadAllText(path, Encoding.Latin1).Count(character => character == '\n') + 1);
                break;
            default:
                Assert.True(failure is null, $"{name}: the reader fails at {failure}");
                Assert.True(tokens.Contains(position), $"{name}: no element or attribute begins at {position}");
                break;
        }
    }

    private static void AddTokens(string path, HashSet<(int, int)> tokens)
    {
        using FileStream stream = File.OpenRead(path);
        using var reader = XmlReader.Create(stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
        var place = (IXmlLineInfo)reader;
        while (reader.Read())
        {
            if (reader.NodeType != XmlNodeType.Element)
            {
                continue;
            }

            tokens.Add((place.LineNumber, place.LinePosition));
            while (reader.MoveToNextAttribute())
            {
                tokens.Add((place.LineNumber, place.LinePosition));
            }
        }
    }
}
