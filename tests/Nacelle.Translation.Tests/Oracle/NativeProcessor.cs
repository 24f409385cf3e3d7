using System.IO.Pipes;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Runs sequences natively, in a process of their own. For one thread.</summary>
internal sealed unsafe class NativeProcessor : IDisposable
{
    private readonly SharedMemory _shared;
    private readonly MemoryMapping _mapping;
    private readonly AnonymousPipeServerStream _commands = new(PipeDirection.Out);
    private readonly AnonymousPipeServerStream _answers = new(PipeDirection.In);
    private readonly ChildProcess _process;

    /// <param name="ram">The guest's RAM, where the code of the sequences is.</param>
    /// <param name="contents">What the data pages hold before each run.</param>
    /// <param name="features">The features that XSAVE and XRSTOR are asked for.</param>
    /// <param name="bitness">Width of the sequences' code: 64, or 32 for compatibility mode.</param>
    public NativeProcessor(GuestMemory ram, DataContents contents, ulong features, int bitness)
    {
        RamRange code = ram.Ranges.First(range => range.Start == OracleLayout.CodeBase);
        RamRange edges = ram.Ranges.First(range => range.Start == OracleLayout.EdgeBase);
        _shared = SharedMemory.Create("oracle", NativeProgram.SharedSize);
        _mapping = _shared.Map(MemoryProtection.Read | MemoryProtection.Write);
        *(ulong*)(_mapping.Address + NativeProgram.FeaturesOffset) = features;
        contents.ReadOnly.CopyTo(new Span<byte>(_mapping.Address + NativeProgram.ReadOnlyOffset, 4096));
        contents.Writable.CopyTo(new Span<byte>(_mapping.Address + NativeProgram.TemplateOffset, OracleLayout.SnapshotSize));
        string path = Path.Combine(Path.GetTempPath(), $"nacelle-oracle-{Environment.ProcessId}-{Guid.NewGuid():n}");
        File.WriteAllBytes(path, NativeProgram.Build((long)code.FileOffset, (long)edges.FileOffset, bitness));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            _process = ChildProcess.Start(
                path,
                ["oracle"],
                ((int)_commands.ClientSafePipeHandle.DangerousGetHandle(), 3),
                ((int)_answers.ClientSafePipeHandle.DangerousGetHandle(), 4),
                (_shared.FileDescriptor, 5),
                (ram.FileDescriptor, 6));
        }
        finally
        {
            File.Delete(path);
        }

        _commands.DisposeLocalCopyOfClientHandle();
        _answers.DisposeLocalCopyOfClientHandle();
    }

    /// <summary>The state before a sequence of the batch.</summary>
    public ProcessorImage* Before(int index) => (ProcessorImage*)Entry(index);

    /// <summary>The state after it.</summary>
    public ProcessorImage* After(int index) => (ProcessorImage*)(Entry(index) + ProcessorImage.SizeInBytes);

    /// <summary>The memory after it.</summary>
    public Span<byte> MemoryAfter(int index) => new(Entry(index) + (2 * ProcessorImage.SizeInBytes), OracleLayout.SnapshotSize);

    /// <summary>Runs the first sequences of the batch.</summary>
    /// <returns>-1, or the sequence at which the process ended.</returns>
    public int Run(int count)
    {
        *(ulong*)(_mapping.Address + NativeProgram.CountOffset) = (ulong)count;
        for (int i = 0; i < count; i++)
        {
            After(i)->Ending = Ending.None;
        }

        _commands.WriteByte(1);
        if (_answers.ReadByte() >= 0)
        {
            return -1;
        }

        ulong entry = *(ulong*)(_mapping.Address + NativeProgram.EntryOffset) - NativeProgram.Shared;
        return (int)((entry - NativeProgram.EntriesOffset) / NativeProgram.EntrySize);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _commands.Dispose();
        _answers.Dispose();
        _process.Dispose();
        _mapping.Dispose();
        _shared.Dispose();
    }

    private byte* Entry(int index) => _mapping.Address + NativeProgram.EntriesOffset + (index * NativeProgram.EntrySize);
}
