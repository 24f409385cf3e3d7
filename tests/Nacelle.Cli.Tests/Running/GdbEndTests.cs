using System.Net.Sockets;
using System.Text;
using Nacelle.Configuration;
using Nacelle.Control.Gdb;
using Nacelle.Machine;

namespace Nacelle.Cli.Tests;

/// <summary>
/// gdb and a machine that is disposed of before the thread pool has told anybody of its end. Alone, because it holds the pool up.
/// </summary>
[Collection("thread pool")]
[CollectionDefinition("thread pool", DisableParallelization = true)]
public sealed class GdbEndTests
{
    [Fact]
    public void Gdb_is_told_of_the_end_by_who_disposes_first()
    {
        using TemporaryDirectory directory = new();
        string kernel = GuestProgram.Write(directory.Combine("kernel"), GuestProgram.DebugExit(7));
        string path = directory.Combine("gdb");
        MachineDescription description = new() { KernelPath = kernel, MemoryBytes = 4 << 20, Accelerator = AcceleratorChoice.Translator };
        using VirtualMachine machine = VirtualMachine.Build(description, null);
        using GdbServer server = GdbServer.Start(GdbOption.Parse($"socket:{path},wait"), machine);
        machine.Start();
        using Socket gdb = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)NacelleProcess.Patience.TotalMilliseconds,
        };
        gdb.Connect(new UnixDomainSocketEndPoint(path));

        // The acknowledgement says that the server's loop has taken gdb in.
        gdb.Send("$qC#b4"u8);
        Assert.Equal((byte)'+', ReadByte(gdb));
        using (HeldThreadPool.Hold())
        {
            gdb.Send("$c#63"u8);
            Assert.True(
                SpinWait.SpinUntil(() => machine.Completion.IsCompleted, NacelleProcess.Patience), "the machine did not end");
            server.Dispose();
        }

        StringBuilder seen = new();
        byte[] buffer = new byte[64];
        for (int count; (count = gdb.Receive(buffer)) > 0;)
        {
            seen.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }

        Assert.Contains("$W07#", seen.ToString(), StringComparison.Ordinal);
    }

    private static byte ReadByte(Socket socket)
    {
        byte[] one = new byte[1];
        Assert.Equal(1, socket.Receive(one));
        return one[0];
    }
}
