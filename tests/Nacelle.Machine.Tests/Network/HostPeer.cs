using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Nacelle.Machine.Tests.Network;

/// <summary>The host's side of transfers, in the network namespace of the thread that makes it.</summary>
internal sealed class HostPeer : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    /// <summary>Listens on a port of all addresses.</summary>
    public HostPeer(int port)
    {
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(IPAddress.Any, port));
        _listener.Listen(1);
    }

    /// <summary>Gives the first caller bytes, and hangs up.</summary>
    public Task Serve(byte[] content) => Task.Run(async () =>
    {
        using Socket caller = await _listener.AcceptAsync();
        await caller.SendAsync(content);
        caller.Shutdown(SocketShutdown.Send);

        // The guest has everything when it hangs up in turn.
        while (await caller.ReceiveAsync(new byte[4096]) > 0)
        {
        }
    });

    /// <summary>Takes everything that the first caller says.</summary>
    /// <returns>Its length and SHA-256 in hexadecimal.</returns>
    public Task<(long Length, string Digest)> Take() => Task.Run(async () =>
    {
        using Socket caller = await _listener.AcceptAsync();
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        long length = 0;
        for (int part = await caller.ReceiveAsync(buffer); part > 0; part = await caller.ReceiveAsync(buffer))
        {
            hash.AppendData(buffer, 0, part);
            length += part;
        }

        return (length, Convert.ToHexStringLower(hash.GetHashAndReset()));
    });

    public void Dispose() => _listener.Dispose();

    /// <summary>Runs ip(8) in the namespace of the calling thread.</summary>
    public static void Ip(string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {arguments}: {error}");
    }
}
