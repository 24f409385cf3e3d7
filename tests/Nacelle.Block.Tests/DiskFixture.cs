using System.Runtime.InteropServices;
using Nacelle.Linux;

namespace Nacelle.Block.Tests;

/// <summary>A loop with its engine, a directory and page-aligned memory; requests are waited for by their completion.</summary>
internal sealed unsafe class DiskFixture : IDisposable
{
    public const int MemorySize = 4 << 20;

    public DiskFixture(bool threads, string? directory = null)
    {
        Directory = directory ?? System.IO.Directory.CreateTempSubdirectory("nacelle-disk-").FullName;
        Engine = null!;
        Loop.Invoke(() => Engine = threads ? FileEngine.CreateThreaded(Loop) : FileEngine.Create(Loop));
        Memory = (byte*)NativeMemory.AlignedAlloc(MemorySize, 4096);
        NativeMemory.Clear(Memory, MemorySize);
    }

    public EventLoop Loop { get; } = new("disk-test");

    public FileEngine Engine { get; private set; }

    public string Directory { get; }

    public byte* Memory { get; }

    public Span<byte> Bytes => new(Memory, MemorySize);

    public string MakeFile(string name, long size)
    {
        string path = Path.Combine(Directory, name);
        using FileStream file = File.Create(path);
        file.SetLength(size);
        return path;
    }

    public RawFileNode Open(RawFileOptions options)
    {
        RawFileNode? node = null;
        Loop.Invoke(() => node = RawFileNode.Open(options, Engine));
        return node!;
    }

    public void Close(IBlockNode node) => Loop.Invoke(node.Dispose);

    /// <returns>The error number.</returns>
    public int Run(
        IBlockNode node, BlockOperation operation, long offset, long length = 0, bool unmap = false, params (int Start, int Length)[] pieces)
    {
        using Waiter waiter = Begin(node, operation, offset, length, unmap, pieces);
        return waiter.Wait();
    }

    public Waiter Begin(
        IBlockNode node, BlockOperation operation, long offset, long length, bool unmap, params (int Start, int Length)[] pieces)
    {
        Waiter waiter = new();
        waiter.Request.Reset(operation, offset, length, unmap);
        foreach ((int start, int pieceLength) in pieces)
        {
            Assert.True(waiter.Request.TryAddSegment(Memory + start, (nuint)pieceLength));
        }

        Loop.Post(() =>
        {
            node.Start(waiter.Request);
            node.Submit();
        });
        return waiter;
    }

    public void Dispose()
    {
        Loop.Invoke(Engine.Dispose);
        Loop.Dispose();
        NativeMemory.AlignedFree(Memory);
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    internal sealed class Waiter : IBlockCompletion, IDisposable
    {
        private readonly ManualResetEventSlim _done = new();
        private int _error;

        public Waiter() => Request = new BlockRequest { Completion = this };

        public BlockRequest Request { get; }

        public bool IsDone => _done.IsSet;

        public void Completed(BlockRequest request, int error)
        {
            _error = error;
            _done.Set();
        }

        public int Wait()
        {
            Assert.True(_done.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken), "a request never completed");
            return _error;
        }

        public void Dispose()
        {
            _done.Dispose();
            Request.Dispose();
        }
    }
}
