using Nacelle.Devices.Platform;
using Nacelle.Linux;

namespace Nacelle.Cli;

/// <summary>The serial port on standard input and output, with the escape keys where input is a terminal.</summary>
internal sealed class StandardStreams : ISerialConnection
{
    private const int BrokenPipe = 32;

    // For a reader that takes nothing at all, once the guest has ended.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private readonly EscapeKeys _keys;
    private readonly BytePipe _output;
    private readonly BytePipe _input;
    private readonly OutputWatcher? _watcher;
    private readonly Thread _reader;
    private SerialInputFeeder? _feeder;
    private bool _closed;

    /// <summary>Connects the streams.</summary>
    /// <param name="escape">The escape key's byte; null for none.</param>
    /// <param name="watcher">Sees the guest's output; null for nobody.</param>
    internal StandardStreams(byte? escape, OutputWatcher? watcher)
    {
        _keys = new EscapeKeys(escape);
        _watcher = watcher;
        _output = new BytePipe("standard output", BytePipeOverflow.Wait, Take);

        // Keys for a guest that does not listen are lost, so that the escape key always works; a pipe waits for the guest.
        BytePipeOverflow overflow = Terminal.IsTerminal(HostDescriptor.Input) ? BytePipeOverflow.Drop : BytePipeOverflow.Wait;
        _input = new BytePipe("serial input", overflow, bytes => _feeder!.Feed(bytes.Span));
        _reader = new Thread(Read) { Name = "standard input", IsBackground = true };
    }

    /// <inheritdoc/>
    public event Action<string>? Diagnostic;

    /// <summary>Raised on the reading thread for each command typed with the escape key.</summary>
    internal event Action<EscapeCommand>? Command;

    /// <summary>Raised once, on the writing thread, when whoever read standard output went away.</summary>
    internal event Action? OutputClosed;

    /// <inheritdoc/>
    public void Attach(SerialPort port)
    {
        _feeder = new SerialInputFeeder(port);
        _reader.Start();
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes) => _output.Write(bytes);

    /// <inheritdoc/>
    public int TryWrite(ReadOnlySpan<byte> bytes) => _output.TryWrite(bytes);

    /// <inheritdoc/>
    public void CallWhenRoom(Action room) => _output.RoomMade += room;

    /// <inheritdoc/>
    public void TellStalled() => Diagnostic?.Invoke("standard output is not read: what the guest writes to its serial port is lost until it is");

    /// <inheritdoc/>
    public void Cancel()
    {
        _output.Cancel();
        _input.Cancel();
        _feeder?.Cancel();
    }

    /// <inheritdoc/>
    public void Drain()
    {
        if (!_output.Drain(s_patience) && !_closed)
        {
            Diagnostic?.Invoke("standard output is not read: the end of the guest's output is lost");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The reader may be inside read(2), which nothing ends but input: it is a background thread and goes with the process.
        Cancel();
        _input.Dispose();
        _output.Dispose();
    }

    private void Read()
    {
        byte[] typed = new byte[1024];
        byte[] forGuest = new byte[typed.Length];
        while (HostDescriptor.Read(HostDescriptor.Input, typed) is int read and > 0)
        {
            ReadOnlySpan<byte> keys = typed.AsSpan(0, read);
            while (!keys.IsEmpty)
            {
                EscapeCommand command = _keys.Take(ref keys, forGuest, out int count);
                _input.Write(forGuest.AsSpan(0, count));
                if (command != EscapeCommand.None)
                {
                    Command?.Invoke(command);
                }
            }
        }
    }

    private void Take(ReadOnlyMemory<byte> bytes)
    {
        _watcher?.Observe(bytes.Span);
        int result = HostDescriptor.WriteAll(HostDescriptor.Output, bytes.Span);
        if (result == 0 || _closed)
        {
            return;
        }

        _closed = true;
        if (result != -BrokenPipe)
        {
            Diagnostic?.Invoke($"standard output: {new LinuxException("write", -result).Message}");
        }

        OutputClosed?.Invoke();
    }
}
