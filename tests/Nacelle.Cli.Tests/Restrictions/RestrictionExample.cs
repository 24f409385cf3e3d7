namespace Nacelle.Cli.Tests;

/// <summary>A guest that a rule finds something in, and one that it lets be.</summary>
/// <param name="RuleId">The rule.</param>
/// <param name="Profile">The profile that both are checked under.</param>
/// <param name="Fails">Domain XML.</param>
/// <param name="Passes">Domain XML.</param>
/// <param name="Options">Further options of <c>nacelle check</c>.</param>
/// <param name="PassingOptions">Those of the guest that passes; null for the same.</param>
internal sealed record RestrictionExample(
    string RuleId, string Profile, string Fails, string Passes, string Options = "", string? PassingOptions = null);
