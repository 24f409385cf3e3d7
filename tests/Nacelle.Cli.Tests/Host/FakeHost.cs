namespace Nacelle.Cli.Tests;

/// <summary>The files in which a kernel tells about a host, in a directory of a test.</summary>
internal sealed class FakeHost : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    /// <summary>The tree to gather facts from.</summary>
    public HostTree Tree => new(_directory.FullName);

    /// <summary>Where a path of the fake host is found.</summary>
    public string At(string path) => _directory.FullName + path;

    /// <summary>Writes a file, with a line end as the kernel does.</summary>
    public void File(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        System.IO.File.WriteAllText(At(path), text + "\n");
    }

    /// <summary>Makes a symbolic link whose target is a path of the fake host.</summary>
    public void Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        System.IO.File.CreateSymbolicLink(At(path), At(target));
    }

    public void Dispose() => _directory.Dispose();
}
