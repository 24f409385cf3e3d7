using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nacelle.Configuration.Tests;

/// <summary>The published schema of the JSON form, held against the records and against what is written.</summary>
public sealed class SchemaTests
{
    private const string PublishedName = "machine-configuration-1.json";

    public static TheoryData<string> Corpus => [.. CorpusFiles.Xml];

    [Fact]
    public void The_published_schema_is_that_of_the_records()
    {
        string path = Path.Combine(CorpusFiles.Folder, "..", "..", "..", "docs", "schema", PublishedName);
        string schema = MachineConfigurationJson.WriteSchema();
        Assert.True(File.Exists(path) && File.ReadAllText(path) == schema, $"docs/schema/{PublishedName} is not what 'nacelle convert --schema' prints:\n{schema}");
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public void What_is_written_conforms(string name)
    {
        JsonNode schema = JsonNode.Parse(MachineConfigurationJson.WriteSchema())!;
        JsonNode machine = JsonNode.Parse(MachineConfigurationJson.Write(DomainXmlDocument.Read(CorpusFiles.Read(name)).Configuration!))!;
        List<string> errors = [];
        SchemaCheck.Check(schema, schema, machine, "", errors);
        Assert.True(errors.Count == 0, string.Join("\n", errors));
    }

    [Fact]
    public void The_schema_refuses_what_the_reader_refuses()
    {
        JsonNode schema = JsonNode.Parse(MachineConfigurationJson.WriteSchema())!;
        foreach (string text in (string[])
        [
            """{"nme":"a"}""", """{"accelerator":"xen"}""", """{"memory":-1}""", """{"vcpu":{"maximum":0}}""",
            """{"devices":{"disks":[{"targetName":"vda","bus":"floppy"}]}}""", """{"devices":{"disks":[{"targetName":"vda","driver":{"queues":5000}}]}}""",
        ])
        {
            List<string> errors = [];
            SchemaCheck.Check(schema, schema, JsonNode.Parse(text)!, "", errors);
            Assert.True(errors.Count != 0, $"the schema takes {text}");
            MachineDocument read = MachineConfigurationJson.Read(Encoding.UTF8.GetBytes(text));
            Assert.True(read.Configuration is null, $"the reader takes {text}");
            Assert.True(read.Problems[0].Position.IsKnown, read.Problems[0].ToString());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"name\":\"a\",\"name\":\"b\"}")]
    [InlineData("{\"devices\":null}")]
    [InlineData("{\"devices\":{\"disks\":[null]}}")]
    [InlineData("{\"formatVersion\":2}")]
    [InlineData("{\"name\":\"\\ud800\"}")]
    [InlineData("{\"memory\":1e3}")]
    public void Bad_json_is_refused_with_a_place(string text)
    {
        MachineDocument read = MachineConfigurationJson.Read(Encoding.UTF8.GetBytes(text));
        Assert.True(read.Configuration is null, $"taken: {text}");
        Assert.True(read.Problems[0].Position.IsKnown, read.Problems[0].ToString());
    }

    [Fact]
    public void A_byte_order_mark_may_lead()
    {
        string text = MachineConfigurationJson.Write(new MachineConfiguration { Name = "guest" });
        MachineDocument read = MachineDocument.Read([.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(text)]);
        Assert.Empty(read.Problems);
        Assert.Equal("guest", read.Configuration!.Name);

        MachineDocument broken = MachineDocument.Read([.. Encoding.UTF8.Preamble, .. "{ \"name\": 1 }"u8]);
        Assert.Equal(1, Assert.Single(broken.Problems).Position.Line);
    }
}

/// <summary>As much of JSON Schema as the schema uses. Stateless.</summary>
internal static class SchemaCheck
{
    internal static void Check(JsonNode root, JsonNode? schema, JsonNode? value, string path, List<string> errors)
    {
        if (schema is not JsonObject rules)
        {
            return;
        }

        if (rules["$ref"]?.GetValue<string>() is string reference)
        {
            JsonNode? target = root;
            foreach (string part in reference.TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                target = target is JsonArray array ? array[int.Parse(part, System.Globalization.CultureInfo.InvariantCulture)] : target?[part];
            }

            Check(root, target, value, path, errors);
            return;
        }

        if (rules["enum"] is JsonArray words && !words.Any(word => JsonNode.DeepEquals(word, value)))
        {
            errors.Add($"{path}: {value?.ToJsonString()} is none of {words.ToJsonString()}");
        }

        if (rules["type"] is JsonNode type)
        {
            string[] types = type is JsonArray many ? [.. many.Select(item => item!.GetValue<string>())] : [type.GetValue<string>()];
            if (!types.Contains(TypeOf(value)))
            {
                errors.Add($"{path}: {TypeOf(value)} is not {string.Join(" or ", types)}");
            }
        }

        if (value is JsonValue && value.GetValueKind() == JsonValueKind.Number && decimal.TryParse(value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture, out decimal number))
        {
            if (rules["minimum"] is JsonNode least && number < least.GetValue<decimal>())
            {
                errors.Add($"{path}: {number} is below {least}");
            }

            if (rules["maximum"] is JsonNode most && number > most.GetValue<decimal>())
            {
                errors.Add($"{path}: {number} is above {most}");
            }
        }

        if (value is JsonObject members)
        {
            foreach ((string name, JsonNode? member) in members)
            {
                if (rules["properties"]?[name] is JsonNode property)
                {
                    Check(root, property, member, $"{path}/{name}", errors);
                }
                else if (rules["additionalProperties"]?.GetValueKind() == JsonValueKind.False)
                {
                    errors.Add($"{path}: no member '{name}' is known");
                }
            }
        }

        if (value is JsonArray items)
        {
            for (int i = 0; i < items.Count; i++)
            {
                Check(root, rules["items"], items[i], $"{path}/{i}", errors);
            }
        }
    }

    private static string TypeOf(JsonNode? value) => value?.GetValueKind() switch
    {
        null or JsonValueKind.Null => "null",
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "integer",
        _ => "boolean",
    };
}
