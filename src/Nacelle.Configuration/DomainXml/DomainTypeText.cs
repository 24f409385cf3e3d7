using Nacelle.Machine;

namespace Nacelle.Configuration;

/// <summary>
/// The type of a domain: kvm or qemu. "Auto" has no word of its own and is written kvm, with a mark in
/// <see cref="NacelleConfiguration.AutomaticAccelerator"/>.
/// </summary>
internal sealed class DomainTypeText : TextType<AcceleratorChoice>
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> Words { get; } = ["kvm", "qemu"];

    /// <inheritdoc/>
    public override string Expectation => "kvm or qemu";

    /// <inheritdoc/>
    public override bool TryParse(string text, out AcceleratorChoice value)
    {
        value = text == "qemu" ? AcceleratorChoice.Translator : AcceleratorChoice.Kvm;
        return Words.Contains(text);
    }

    /// <inheritdoc/>
    public override string Format(AcceleratorChoice value) => value == AcceleratorChoice.Translator ? "qemu" : "kvm";
}
