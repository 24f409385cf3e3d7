using System.Collections.Immutable;
using System.Text.Json;
using Nacelle.Configuration;
using Nacelle.Linux;
using Nacelle.Machine;
using Nacelle.Translation;

namespace Nacelle.Cli;

/// <summary>A file of listed blocks, a JSON object a line. For one thread.</summary>
internal sealed class ListingFile : IDisposable
{
    private readonly HostOutputFile _file;
    private readonly TranslatorListingOption _option;

    private ListingFile(HostOutputFile file, TranslatorListingOption option)
    {
        _file = file;
        _option = option;
    }

    /// <summary>Opens the file, so that what is in the way is known before the guest runs. What it holds goes when it is written.</summary>
    /// <exception cref="MachineException">The host does not allow it.</exception>
    internal static ListingFile Create(TranslatorListingOption option)
    {
        try
        {
            return new ListingFile(HostOutputFile.Open(option.Path), option);
        }
        catch (IOException error)
        {
            throw Refusal(option, error);
        }
    }

    /// <summary>Reads the blocks of a file that touch a range, as they come.</summary>
    /// <param name="path">The file.</param>
    /// <param name="range">Addresses of guest code.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="InvalidDataException">It is not a listing; the message names the line.</exception>
    internal static IEnumerable<ListedBlock> Read(string path, AddressRange range)
    {
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            ListedBlock block = Parse(path, line, number);
            ulong first = AddressRange.ParseAddress(block.Address);
            if (first <= range.Last && first + (ulong)Math.Max(block.GuestLength - 1, 0) >= range.First)
            {
                yield return block;
            }
        }
    }

    /// <summary>Writes what a machine that has ended leaves.</summary>
    /// <exception cref="MachineException">The host has no room.</exception>
    internal void Write(MachineSession session)
    {
        try
        {
            _file.Begin();
            using FileStream stream = new(_file.Handle, FileAccess.Write, 1 << 16);
            foreach (ListedBlock block in session.ListTranslatedBlocks(_option.Range.First, _option.Range.Last) ?? [])
            {
                JsonSerializer.Serialize(stream, block, ListingJson.Default.ListedBlock);
                stream.WriteByte((byte)'\n');
            }

            stream.Flush();
        }
        catch (IOException error)
        {
            throw Refusal(_option, error);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static MachineException Refusal(TranslatorListingOption option, IOException error) =>
        new(MachineErrorKind.HostResource, $"cannot write the listing '{option.Path}': {error.Message}", error);

    /// <summary>Whether nothing in a list is missing, which JSON cannot promise.</summary>
    private static bool IsWhole<T>(ImmutableArray<T> items)
        where T : class => !items.IsDefault && items.All(item => item is not null);

    private static ListedBlock Parse(string path, string line, int number)
    {
        try
        {
            ListedBlock block = JsonSerializer.Deserialize(line, ListingJson.Default.ListedBlock)
                ?? throw new InvalidDataException($"line {number} of '{path}' is no block");
            _ = AddressRange.ParseAddress(block.Address);
            return !IsWhole(block.Entry) || !IsWhole(block.Stubs) || !IsWhole(block.Instructions)
                || block.Instructions.Any(instruction => !IsWhole(instruction.Host))
                ? throw new InvalidDataException($"line {number} of '{path}' lacks parts of a block")
                : block;
        }
        catch (Exception error) when (error is JsonException or ConfigurationException)
        {
            throw new InvalidDataException($"line {number} of '{path}' is not a block of a listing: make it with 'nacelle run --translator-listing'", error);
        }
    }
}
