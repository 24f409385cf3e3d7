namespace Nacelle.Configuration;

/// <summary>The value of <c>--translator-listing</c>: where translated code is listed, and which. Immutable.</summary>
/// <param name="Path">The file.</param>
/// <param name="Range">Linear addresses of guest code.</param>
public sealed record TranslatorListingOption(string Path, AddressRange Range)
{
    private const string RangeName = "range";

    /// <summary>Reads FILE or FILE,range=START-END.</summary>
    /// <exception cref="ConfigurationException">It is neither.</exception>
    public static TranslatorListingOption Parse(string text)
    {
        OptionValue value = OptionValue.Split("listing", text, [RangeName]);
        AddressRange range = AddressRange.All;
        foreach (KeyValuePair<string, string> setting in value.Settings)
        {
            range = AddressRange.Parse(setting.Value);
        }

        return new TranslatorListingOption(MachineOptions.ParsePath("listing", value.Head), range);
    }
}
