namespace Nacelle.Cli.Tests;

/// <summary>A directory of a test, removed with everything in it.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    /// <summary>Where it is; readable by every user, so that tests can drop privileges.</summary>
    public string FullName { get; } = Directory.CreateTempSubdirectory("nacelle-test-").FullName;

    public TemporaryDirectory() => File.SetUnixFileMode(FullName, (UnixFileMode)0b111_101_101);

    /// <summary>A path in it.</summary>
    public string Combine(string name) => Path.Combine(FullName, name);

    /// <summary>Makes a file of zeroes.</summary>
    public string MakeFile(string name, long size)
    {
        string path = Combine(name);
        using FileStream file = File.Create(path);
        file.SetLength(size);
        return path;
    }

    public void Dispose() => Directory.Delete(FullName, recursive: true);
}
