using System.Globalization;
using System.Text;

namespace Nacelle.Machine.Tests.Guests;

/// <summary>The test guests' initramfs with files of a test behind it: the kernel unpacks one archive after the other.</summary>
internal sealed class GuestInitramfs : IDisposable
{
    private const int Executable = 0x81ED; // -rwxr-xr-x
    private const int Folder = 0x41ED; // drwxr-xr-x
    private readonly FileStream _stream;
    private readonly HashSet<string> _folders = [];

    public GuestInitramfs()
    {
        Path = System.IO.Path.GetTempFileName();
        _stream = new FileStream(Path, FileMode.Create);
        using FileStream original = File.OpenRead(GuestImages.Initramfs);
        original.CopyTo(_stream);
        Pad(512);
    }

    public string Path { get; }

    public void AddText(string path, string text) => Add(path, Encoding.UTF8.GetBytes(text));

    /// <summary>Adds a program of the host and the libraries that it is linked to.</summary>
    public void AddProgram(string path)
    {
        using System.Diagnostics.Process list = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("ldd", path) { RedirectStandardOutput = true })!;
        IEnumerable<string> libraries = list.StandardOutput.ReadToEnd()
            .Split((char[])[' ', '\n', '\t'], StringSplitOptions.RemoveEmptyEntries)
            .Where(word => word.StartsWith('/'));
        foreach (string file in libraries.Prepend(path))
        {
            Add(file.TrimStart('/'), File.ReadAllBytes(file));
        }
    }

    /// <summary>Ends the archive; the file is complete then.</summary>
    public void Complete()
    {
        Write("TRAILER!!!", 0, []);
        _stream.Dispose();
    }

    public void Dispose()
    {
        _stream.Dispose();
        File.Delete(Path);
    }

    private void Add(string path, byte[] content)
    {
        string[] parts = path.Split('/');
        for (int i = 1; i < parts.Length; i++)
        {
            string folder = string.Join('/', parts[..i]);
            if (_folders.Add(folder))
            {
                Write(folder, Folder, []);
            }
        }

        Write(path, Executable, content);
    }

    /// <summary>One member in the "newc" format of cpio(5): thirteen fields of eight hexadecimal digits.</summary>
    private void Write(string name, int mode, byte[] content)
    {
        int[] fields = [0, mode, 0, 0, 1, 0, content.Length, 0, 0, 0, 0, Encoding.UTF8.GetByteCount(name) + 1, 0];
        string header = "070701" + string.Concat(fields.Select(field => field.ToString("x8", CultureInfo.InvariantCulture)));
        _stream.Write(Encoding.UTF8.GetBytes(header + name + "\0"));
        Pad(4);
        _stream.Write(content);
        Pad(4);
    }

    private void Pad(int alignment)
    {
        while (_stream.Position % alignment != 0)
        {
            _stream.WriteByte(0);
        }
    }
}
