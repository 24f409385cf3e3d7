using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Nacelle.Devices.Platform;
using Nacelle.Linux;
using Nacelle.Machine;

namespace Nacelle;

/// <summary>A serial port whose output is written to a file, which is made anew; nothing ever arrives.</summary>
/// <remarks>A file system that is full loses output until there is room again; the guest does not notice.</remarks>
internal sealed class SerialFile : ISerialConnection
{
    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly BytePipe _queue;
    private bool _losing;

    /// <summary>Creates the file, or empties it.</summary>
    /// <exception cref="MachineException">The host does not allow it.</exception>
    public SerialFile(string path)
    {
        _path = path;
        try
        {
            // Readable by others while it grows. A handle and no stream, which would put the file's position back to its own.
            _file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            string reason = error switch
            {
                DirectoryNotFoundException => "its directory does not exist; create it or correct the path",
                UnauthorizedAccessException when Directory.Exists(path) => "it is a directory; name a file",
                UnauthorizedAccessException => "permission denied; choose a path that this user may write",
                _ => error.Message,
            };
            throw new MachineException(MachineErrorKind.HostResource, $"cannot write serial file '{path}': {reason}", error);
        }

        _queue = new BytePipe("serial file", BytePipeOverflow.Wait, Take);
    }

    /// <inheritdoc/>
    public event Action<string>? Diagnostic;

    /// <inheritdoc/>
    public void Attach(SerialPort port)
    {
        // A file sends nothing.
    }

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes) => _queue.Write(bytes);

    /// <inheritdoc/>
    public void Cancel() => _queue.Cancel();

    /// <inheritdoc/>
    public void Drain() => _queue.Drain();

    /// <inheritdoc/>
    public void Dispose()
    {
        _queue.Dispose();
        _file.Dispose();
    }

    private void Take(ReadOnlyMemory<byte> bytes)
    {
        int result;
        try
        {
            result = HostDescriptor.WriteAll((int)_file.DangerousGetHandle(), bytes.Span);
        }
        catch (ObjectDisposedException)
        {
            return;
        }

        if (result < 0 && !_losing)
        {
            Diagnostic?.Invoke(
                $"serial file '{_path}': {Marshal.GetPInvokeErrorMessage(-result)}; output is lost until that is mended");
        }

        _losing = result < 0;
    }
}
