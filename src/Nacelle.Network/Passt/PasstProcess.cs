using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Nacelle.Linux;

namespace Nacelle.Network;

/// <summary>A running passt with its socket.</summary>
/// <remarks>Thread safe but for <see cref="Dispose"/>.</remarks>
internal sealed class PasstProcess : IDisposable
{
    private const int NotFound = 2;
    private const int StartMilliseconds = 10_000;
    private const int SocketInChild = 3;
    private const int SocketBuffer = 1 << 20;
    private readonly DescriptorPair _socket;
    private readonly DescriptorPair _output;
    private readonly DescriptorPair _errors;
    private readonly ChildProcess _process;

    private PasstProcess(ImmutableArray<ForwardedPort> forwards)
    {
        using DisposeOnFailure undo = new();
        _socket = undo.Add(DescriptorPair.StreamSockets(SocketBuffer));
        _output = undo.Add(DescriptorPair.Pipe());
        _errors = undo.Add(DescriptorPair.Pipe());
        _process = ChildProcess.Start(
            "passt", Arguments(forwards), (_socket.Far, SocketInChild), (_output.Far, 1), (_errors.Far, 2));
        _socket.CloseFar();
        _output.CloseFar();
        _errors.CloseFar();
        undo.Succeeded();
    }

    public int ProcessId => _process.ProcessId;

    /// <summary>This side's end, non-blocking.</summary>
    public int Socket => _socket.Near;

    public static PasstProcess Start(ImmutableArray<ForwardedPort> forwards)
    {
        PortProbe.Check(forwards);
        PasstProcess passt;
        try
        {
            passt = new PasstProcess(forwards);
        }
        catch (LinuxException error)
        {
            throw new NetworkOpenException(
                error.ErrorNumber == NotFound
                    ? "user-mode networking needs passt, which is not installed; apt-get install passt, or connect to a tap"
                    : $"cannot start passt: {error.Message}",
                error);
        }

        try
        {
            passt.WaitUntilServing();
            PortProbe.CheckTaken(forwards);
            return passt;
        }
        catch
        {
            passt.Dispose();
            throw;
        }
    }

    /// <summary>The last line of what passt said on its standard error.</summary>
    /// <param name="separator">Before the line, where there is one.</param>
    public string LastWords(string separator)
    {
        byte[] buffer = new byte[65536];
        int length = Math.Max(0, _errors.Read(buffer));
        string? line = Encoding.UTF8.GetString(buffer, 0, length)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .LastOrDefault(entry => !entry.StartsWith("Failed to send", StringComparison.Ordinal)
                && !entry.StartsWith("Don't run as root", StringComparison.Ordinal));
        return line is null ? "" : separator + line;
    }

    public void Dispose()
    {
        _socket.Dispose();
        _process.Dispose();
        _output.Dispose();
        _errors.Dispose();
    }

    private static List<string> Arguments(ImmutableArray<ForwardedPort> forwards)
    {
        // passt writes its process id when it has made everything ready: that is the only sign it gives.
        List<string> arguments =
        [
            "passt", "--foreground", "--quiet", "--stderr",
            "--fd", SocketInChild.ToString(CultureInfo.InvariantCulture),
            "--pid", "/dev/stdout",
        ];
        foreach (ForwardedPort port in forwards)
        {
            string address = port.Address is null ? "" : $"{port.Address}/";
            arguments.Add(port.IsDatagram ? "--udp-ports" : "--tcp-ports");
            arguments.Add(string.Create(CultureInfo.InvariantCulture, $"{address}{port.HostPort}:{port.GuestPort}"));
        }

        // Unless told, passt may forward the UDP ports of the same numbers too (passt(1), --udp-ports).
        if (!forwards.Any(port => port.IsDatagram))
        {
            arguments.AddRange(["--udp-ports", "none"]);
        }

        return arguments;
    }

    private void WaitUntilServing()
    {
        if (!_output.WaitReadable(StartMilliseconds))
        {
            throw new NetworkOpenException($"passt does not come up within {StartMilliseconds / 1000} s; run 'passt --foreground' to see why");
        }

        if (_output.Read(new byte[32]) <= 0)
        {
            _process.WaitForEnd(StartMilliseconds);
            throw new NetworkOpenException($"passt refused to start{LastWords(": ")}; run 'passt --foreground' to see more");
        }
    }

    /// <summary>Disposes what a constructor has made when it does not come to its end.</summary>
    private sealed class DisposeOnFailure : IDisposable
    {
        private readonly List<IDisposable> _made = [];

        public T Add<T>(T made)
            where T : IDisposable
        {
            _made.Add(made);
            return made;
        }

        public void Succeeded() => _made.Clear();

        public void Dispose() => _made.ForEach(made => made.Dispose());
    }
}
