using Nacelle.Machine;
using Nacelle.Translation;

namespace Nacelle.Configuration;

/// <summary>The value of <c>--accel</c>: what runs the guest, and how the translator does where it is that. Immutable.</summary>
/// <param name="Choice">How the accelerator is chosen.</param>
/// <param name="Translator">How the translator runs; without effect where auto takes KVM.</param>
public sealed record AcceleratorOption(AcceleratorChoice Choice, TranslatorOptions Translator)
{
    private const ulong CodeCacheStep = 4096;
    private static readonly string[] s_kinds = ["auto", "kvm", "translator"];
    private static readonly string[] s_names = ["code-cache", "evict-every"];

    /// <summary>Words before the first comma.</summary>
    public static IReadOnlyList<string> Kinds => s_kinds;

    /// <summary>Reads auto, kvm or translator, with options of the translator behind it.</summary>
    /// <exception cref="ConfigurationException">It is none of <see cref="Kinds"/>, or an option is not valid.</exception>
    public static AcceleratorOption Parse(string text)
    {
        OptionValue value = OptionValue.Split("accelerator", text, s_names);
        int kind = Array.IndexOf(s_kinds, value.Head);
        if (kind < 0)
        {
            throw new ConfigurationException(NearestName.Refusal("accelerator", value.Head, s_kinds));
        }

        AcceleratorChoice choice = (AcceleratorChoice)kind;
        TranslatorOptions translator = new();
        foreach (KeyValuePair<string, string> setting in value.Settings)
        {
            if (choice == AcceleratorChoice.Kvm)
            {
                throw new ConfigurationException(
                    $"accelerator option '{setting.Key}' is the translator's and kvm was asked for: leave it out, or write translator");
            }

            translator = setting.Key switch
            {
                "code-cache" => translator with { CodeCacheBytes = CodeCache(setting.Value) },
                _ => translator with { EvictEvery = value.Number(setting, 1, TranslatorOptions.RarestEviction) },
            };
        }

        return new AcceleratorOption(choice, translator);
    }

    private static int CodeCache(string text)
    {
        ulong bytes = ByteSize.Parse("code cache", text);
        const ulong least = TranslatorOptions.SmallestCodeCache;
        const ulong most = TranslatorOptions.LargestCodeCache;
        return bytes is >= least and <= most && bytes % CodeCacheStep == 0
            ? (int)bytes
            : throw new ConfigurationException(
                $"code cache '{text}' is out of range: give a multiple of 4K from {ByteSize.Format(least)} to {ByteSize.Format(most)}");
    }
}
