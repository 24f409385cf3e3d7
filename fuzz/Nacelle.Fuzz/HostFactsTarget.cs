using Nacelle.Configuration;

namespace Nacelle.Fuzz;

/// <summary>Lets the input be a file of host facts; what is read has to be written and read as the same.</summary>
internal static class HostFactsTarget
{
    /// <summary>Runs one input.</summary>
    /// <exception cref="InvalidOperationException">What was read is not what is written.</exception>
    public static void Run(ReadOnlySpan<byte> input)
    {
        HostFacts facts;
        try
        {
            facts = HostFactsDocument.Parse(input.ToArray(), "input");
        }
        catch (ConfigurationException)
        {
            return;
        }

        string text = HostFactsDocument.Format(facts);
        string again = HostFactsDocument.Format(HostFactsDocument.Parse(System.Text.Encoding.UTF8.GetBytes(text), "output"));
        if (text != again || !MigrationComparison.Compare(facts, facts).IsSameVendor)
        {
            throw new InvalidOperationException("facts are not the same after writing and reading");
        }

        _ = CpuBaseline.Find([facts]).DomainXml;
    }
}
