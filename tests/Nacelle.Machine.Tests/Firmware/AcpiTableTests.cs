using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Nacelle.Machine.Board;
using Nacelle.Machine.Firmware;
using Nacelle.Memory;

namespace Nacelle.Machine.Tests.Firmware;

/// <summary>ACPI tables as iasl of ACPICA reads them: taken apart, and put together again without an error.</summary>
public sealed class AcpiTableTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("nacelle-acpi");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData(1, true, 64UL << 20)]
    [InlineData(255, false, 3UL << 30)]
    public void Iasl_takes_them_apart_and_puts_them_together(int virtualCpus, bool withTimer, ulong memory)
    {
        using GuestMemory ram = new(PhysicalLayout.RamRanges(memory));
        Dictionary<string, byte[]> tables = Gather(ram, AcpiTables.Write(ram, virtualCpus, withTimer));
        string[] expected = ["APIC", "DSDT", "FACP", "MCFG", .. withTimer ? (string[])["HPET"] : [], "XSDT"];
        Assert.Equal(expected.Order(), tables.Keys.Order());
        foreach ((string name, byte[] table) in tables)
        {
            Assert.True((byte)table.Sum(part => part) == 0, $"{name} has a wrong checksum");
            string binary = Path.Combine(_directory.FullName, $"{name}.dat");
            File.WriteAllBytes(binary, table);
            Run("-d", binary);
            string compiled = Run(Path.ChangeExtension(binary, ".dsl"));
            Assert.True(compiled.Contains(" 0 Errors", StringComparison.Ordinal), $"{name}:\n{compiled}");

            if (name == "DSDT")
            {
                // iasl writes shorter names and lengths than are given to it.
                continue;
            }

            byte[] again = File.ReadAllBytes(Path.ChangeExtension(binary, ".aml"));
            Assert.True(again.AsSpan(36).SequenceEqual(table.AsSpan(36)), $"{name} does not come out as it went in");
        }
    }

    private static Dictionary<string, byte[]> Gather(GuestMemory ram, ulong root)
    {
        byte[] pointer = new byte[36];
        Assert.True(ram.TryRead(root, pointer));
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(pointer, 0, 8));
        Assert.Equal(0, (byte)pointer[..20].Sum(part => part));
        Assert.Equal(0, (byte)pointer.Sum(part => part));
        Dictionary<string, byte[]> tables = [];
        byte[] extended = Add(BinaryPrimitives.ReadUInt64LittleEndian(pointer.AsSpan(24)));
        for (int i = 36; i < extended.Length; i += 8)
        {
            Add(BinaryPrimitives.ReadUInt64LittleEndian(extended.AsSpan(i)));
        }

        Add(BinaryPrimitives.ReadUInt32LittleEndian(tables["FACP"].AsSpan(40)));
        return tables;

        byte[] Add(ulong address)
        {
            Assert.True(ram.TryRead(address + 4, out uint length));
            byte[] table = new byte[length];
            Assert.True(ram.TryRead(address, table));
            tables.Add(Encoding.ASCII.GetString(table, 0, 4), table);
            return table;
        }
    }

    private string Run(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("iasl", arguments)
        {
            WorkingDirectory = _directory.FullName, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + error.Result;
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"iasl {string.Join(' ', arguments)}: exit code {process.ExitCode}\n{output}");
        return output;
    }
}
