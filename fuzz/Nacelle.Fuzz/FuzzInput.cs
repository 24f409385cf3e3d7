using System.Buffers.Binary;

namespace Nacelle.Fuzz;

/// <summary>Takes numbers from an input, and zeros once it is used up.</summary>
internal ref struct FuzzInput(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public readonly bool IsEmpty => _rest.IsEmpty;

    public byte Byte() => (byte)Number(1);

    public ushort Half() => (ushort)Number(2);

    public uint Word() => (uint)Number(4);

    public ulong Number(int size)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bytes.Clear();
        int part = Math.Min(size, _rest.Length);
        _rest[..part].CopyTo(bytes);
        _rest = _rest[part..];
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    public ReadOnlySpan<byte> Bytes(int count)
    {
        int part = Math.Min(count, _rest.Length);
        ReadOnlySpan<byte> taken = _rest[..part];
        _rest = _rest[part..];
        return taken;
    }
}
