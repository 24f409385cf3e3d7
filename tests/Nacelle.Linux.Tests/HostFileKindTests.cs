using System.Net.Sockets;

namespace Nacelle.Linux.Tests;

public sealed class HostFileKindTests
{
    [Fact]
    public void Each_kind_of_file_is_told()
    {
        DirectoryInfo directory = System.IO.Directory.CreateTempSubdirectory("nacelle-kind-");
        try
        {
            string file = Path.Combine(directory.FullName, "file");
            File.WriteAllText(file, "");
            string path = Path.Combine(directory.FullName, "socket");
            using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint(path));
            string link = Path.Combine(directory.FullName, "link");
            File.CreateSymbolicLink(link, path);
            Assert.Equal(HostFileKind.Regular, HostFile.KindOf(file));
            Assert.Equal(HostFileKind.Directory, HostFile.KindOf(directory.FullName));
            Assert.Equal(HostFileKind.Socket, HostFile.KindOf(path));
            Assert.Equal(HostFileKind.Socket, HostFile.KindOf(link));
            Assert.Equal(HostFileKind.Other, HostFile.KindOf("/dev/null"));
            Assert.Null(HostFile.KindOf(Path.Combine(directory.FullName, "none")));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
