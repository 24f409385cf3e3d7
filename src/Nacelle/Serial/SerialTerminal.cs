using Nacelle.Devices.Platform;
using Nacelle.Linux;
using Nacelle.Machine;

namespace Nacelle;

/// <summary>A serial port on a pseudo-terminal that other programs open, such as screen(1) or minicom(1).</summary>
/// <remarks>
/// The host keeps a few KiB for a program that comes later; what does not fit is lost. A program that reads slowly loses output once it
/// has read nothing for a second. A link to the terminal is gone at the end.
/// </remarks>
internal sealed class SerialTerminal : ISerialConnection
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);
    private readonly PseudoTerminalDevice _terminal;
    private readonly string? _link;
    private readonly BytePipe _queue;
    private readonly Thread _reader;
    private SerialInputFeeder? _feeder;
    private bool _stalled;
    private volatile bool _ended;

    /// <summary>Makes the terminal.</summary>
    /// <param name="link">A symbolic link to make to it; null for none. One that is left of an earlier machine is replaced.</param>
    /// <exception cref="MachineException">The host does not allow it.</exception>
    internal SerialTerminal(string? link)
    {
        try
        {
            _terminal = new PseudoTerminalDevice();
        }
        catch (LinuxException error)
        {
            throw new MachineException(MachineErrorKind.HostResource, $"no terminal for the serial port: {error.Message}", error);
        }

        if (link is not null)
        {
            try
            {
                MakeLink(link);
                _link = Path.GetFullPath(link);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                _terminal.Dispose();
                throw new MachineException(MachineErrorKind.HostResource, $"cannot make the link '{link}' to the serial port's terminal: {Reason(link, error)}", error);
            }
        }

        _queue = new BytePipe("serial terminal", BytePipeOverflow.Drop, Take);
        _reader = new Thread(Read) { Name = "serial input", IsBackground = true };
    }

    /// <inheritdoc/>
    public event Action<string>? Diagnostic;

    /// <summary>The terminal's path.</summary>
    internal string TerminalPath => _terminal.Path;

    /// <inheritdoc/>
    public void Attach(SerialPort port)
    {
        _feeder = new SerialInputFeeder(port);
        _reader.Start();
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes) => _queue.Write(bytes);

    /// <inheritdoc/>
    public void Cancel()
    {
        _queue.Cancel();
        _feeder?.Cancel();
    }

    /// <inheritdoc/>
    public void Drain() => _queue.Drain(s_patience);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        Cancel();
        _queue.Dispose();
        if (_reader.IsAlive)
        {
            _terminal.EndRead();
            _reader.Join();
        }

        _feeder?.Dispose();
        if (_link is not null && new FileInfo(_link).LinkTarget == _terminal.Path)
        {
            File.Delete(_link);
        }

        _terminal.Dispose();
    }

    private static string Reason(string link, Exception error) =>
        error is DirectoryNotFoundException ? "its directory does not exist; create it or correct the path"
        : error is UnauthorizedAccessException ? "permission denied; choose a path that this user may write"
        : File.Exists(link) || Directory.Exists(link) ? "something else has that name; remove it, or choose another name"
        : error.Message;

    private void MakeLink(string link)
    {
        // Only what such a link can be: no file of the user's is ever replaced.
        if (new FileInfo(link).LinkTarget?.StartsWith("/dev/pts/", StringComparison.Ordinal) == true)
        {
            File.Delete(link);
        }

        File.CreateSymbolicLink(link, _terminal.Path);
    }

    private void Read()
    {
        byte[] buffer = new byte[4096];
        while (_terminal.Read(buffer) is int count and > 0 && !_ended)
        {
            _feeder!.Feed(buffer.AsSpan(0, count));
        }
    }

    private void Take(ReadOnlyMemory<byte> bytes)
    {
        if (_ended)
        {
            return;
        }

        int written = _terminal.Write(bytes.Span, _stalled ? 0 : (int)s_patience.TotalMilliseconds);
        bool stalled = written < bytes.Length;
        if (stalled && !_stalled)
        {
            Diagnostic?.Invoke($"serial terminal {_terminal.Path}: nobody reads it, output is lost");
        }

        _stalled = stalled;
    }
}
