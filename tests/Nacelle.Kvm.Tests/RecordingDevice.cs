using System.Collections.Concurrent;
using Nacelle.Memory;

namespace Nacelle.Kvm.Tests;

/// <summary>Notes writes and answers reads with what the test says.</summary>
internal sealed class RecordingDevice : IAddressRangeHandler
{
    public ConcurrentQueue<(ulong Offset, int Size, ulong Value)> Writes { get; } = [];

    public Func<ulong, int, ulong> OnRead { get; init; } = (_, _) => 0;

    public Action? OnWrite { get; init; }

    public ulong Read(ulong offset, int size) => OnRead(offset, size);

    public void Write(ulong offset, int size, ulong value)
    {
        Writes.Enqueue((offset, size, value));
        OnWrite?.Invoke();
    }
}
