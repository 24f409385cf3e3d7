using System.Runtime.InteropServices;
using Nacelle.Devices.Platform;
using Nacelle.Linux;
using Nacelle.Machine;

namespace Nacelle;

/// <summary>A serial port whose output is written to a file, which is made anew; nothing ever arrives.</summary>
/// <remarks>A file system that is full loses output until there is room again; the guest does not notice.</remarks>
internal sealed class SerialFile : ISerialConnection
{
    private readonly string _path;
    private readonly HostOutputFile _file;
    private readonly BytePipe _queue;
    private bool _losing;

    /// <summary>Opens the file; what it holds goes when a port is attached, which is when the machine can run.</summary>
    /// <exception cref="MachineException">The host does not allow it.</exception>
    public SerialFile(string path)
    {
        _path = path;
        try
        {
            _file = HostOutputFile.Open(path);
        }
        catch (IOException error)
        {
            throw Refusal(path, error);
        }

        _queue = new BytePipe("serial file", BytePipeOverflow.Wait, Take);
    }

    /// <inheritdoc/>
    public event Action<string>? Diagnostic;

    /// <inheritdoc/>
    public void Attach(SerialPort port)
    {
        // A file sends nothing.
        try
        {
            _file.Begin();
        }
        catch (LinuxException error)
        {
            throw Refusal(_path, error);
        }
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes) => _queue.Write(bytes);

    /// <inheritdoc/>
    public int TryWrite(ReadOnlySpan<byte> bytes) => _queue.TryWrite(bytes);

    /// <inheritdoc/>
    public void CallWhenRoom(Action room) => _queue.RoomMade += room;

    /// <inheritdoc/>
    public void TellStalled() => Diagnostic?.Invoke($"serial file '{_path}': its file system takes nothing; output is lost until it does");

    /// <inheritdoc/>
    public void Cancel() => _queue.Cancel();

    /// <inheritdoc/>
    public void Drain() => _queue.Drain(Timeout.InfiniteTimeSpan);

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Dispose();
        _file.Dispose();
    }

    private void Take(ReadOnlyMemory<byte> bytes)
    {
        int result = _file.Write(bytes.Span);
        if (result < 0 && !_losing)
        {
            Diagnostic?.Invoke(
                $"serial file '{_path}': {Marshal.GetPInvokeErrorMessage(-result)}; output is lost until it can be written again");
        }

        _losing = result < 0;
    }

    private static MachineException Refusal(string path, Exception error) =>
        new(MachineErrorKind.HostResource, $"cannot write serial file '{path}': {error.Message}", error);
}
