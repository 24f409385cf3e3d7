using System.Diagnostics;

namespace Nacelle.Configuration.Tests;

/// <summary>libvirt's own schema is the oracle of what is written.</summary>
public sealed class LibvirtSchemaTests
{
    private const string Validator = "/usr/bin/virt-xml-validate";

    [Fact]
    public async Task Libvirt_accepts_each_domain_that_is_written()
    {
        Assert.SkipUnless(File.Exists(Validator), "virt-xml-validate is missing: install package libvirt-clients");
        string folder = Directory.CreateTempSubdirectory("nacelle-xml").FullName;
        try
        {
            List<string> refused = [];
            foreach (string name in CorpusFiles.Xml)
            {
                // It has an address that the schema does not know, in the corpus as well.
                if (name == "rule-pci-out-of-range.xml")
                {
                    continue;
                }

                string path = Path.Combine(folder, name);
                File.WriteAllText(path, DomainXmlDocument.Write(DomainXmlDocument.Read(CorpusFiles.Read(name)).Configuration!));
                using Process process = Process.Start(new ProcessStartInfo(Validator, [path, "domain"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
                Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
                string error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
                if (process.ExitCode != 0)
                {
                    refused.Add($"{name}: {error}{await output}\n{File.ReadAllText(path)}");
                }
            }

            Assert.True(refused.Count == 0, string.Join("\n", refused));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
