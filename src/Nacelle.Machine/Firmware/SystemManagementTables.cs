using System.Buffers.Binary;
using System.Text;
using Nacelle.Machine.Board;
using Nacelle.Memory;

namespace Nacelle.Machine.Firmware;

/// <summary>The SMBIOS 3 tables (DMTF DSP0134 3.4): firmware, system, chassis, memory.</summary>
internal static class SystemManagementTables
{
    private const ulong EntryPoint = PhysicalLayout.SmbiosBase;
    private const ulong Structures = PhysicalLayout.SmbiosBase + 0x40;

    internal static void Write(GuestMemory ram, string name, Guid uuid)
    {
        List<byte> tables = [];
        ushort handle = 0;
        int largest = 0;
        void Add(byte type, byte[] body, params string[] strings)
        {
            int start = tables.Count;
            tables.AddRange([type, (byte)(body.Length + 4), (byte)handle, (byte)(handle >> 8)]);
            tables.AddRange(body);
            foreach (string text in strings)
            {
                tables.AddRange(Encoding.ASCII.GetBytes(text));
                tables.Add(0);
            }

            tables.AddRange(strings.Length == 0 ? [0, 0] : [(byte)0]);
            largest = Math.Max(largest, tables.Count - start);
            handle++;
        }

        // Firmware: characteristics not given (bit 3); in a virtual machine (extension byte 2, bit 4).
        Add(0, [1, 2, 0, 0xE8, 3, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0xFF, 0xFF], "Nacelle", "1", "01/01/2026");

        // A UUID of zeros is "not set"; its first three fields are little-endian, as of a Guid (section 7.2.1).
        Add(1, [1, 2, 3, 0, .. uuid.ToByteArray(), 6, 0, 4], "Nacelle", "q35", "1", name);
        Add(3, [1, 1, 0, 0, 0, 3, 3, 3, 2, 0, 0, 0, 0, 0, 0, 0, 0], "Nacelle");

        ushort array = handle;
        byte[] arrayBody = new byte[0x17 - 4];
        arrayBody[0] = 1;
        arrayBody[1] = 3;
        arrayBody[2] = 6;
        BinaryPrimitives.WriteUInt32LittleEndian(arrayBody.AsSpan(3), 0x8000_0000);
        BinaryPrimitives.WriteUInt16LittleEndian(arrayBody.AsSpan(7), 0xFFFE);
        BinaryPrimitives.WriteUInt16LittleEndian(arrayBody.AsSpan(9), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(arrayBody.AsSpan(11), ram.Size);
        Add(16, arrayBody);

        ulong mebibytes = ram.Size >> 20;
        byte[] module = new byte[0x22 - 4];
        BinaryPrimitives.WriteUInt16LittleEndian(module, array);
        BinaryPrimitives.WriteUInt16LittleEndian(module.AsSpan(2), 0xFFFE);
        BinaryPrimitives.WriteUInt16LittleEndian(module.AsSpan(4), 0xFFFF);
        BinaryPrimitives.WriteUInt16LittleEndian(module.AsSpan(6), 0xFFFF);
        BinaryPrimitives.WriteUInt16LittleEndian(module.AsSpan(8), (ushort)(mebibytes < 0x7FFF ? mebibytes : 0x7FFF));
        module[10] = 9;
        module[12] = 1;
        module[14] = 7;
        BinaryPrimitives.WriteUInt16LittleEndian(module.AsSpan(15), 2);
        BinaryPrimitives.WriteUInt32LittleEndian(module.AsSpan(24), (uint)(mebibytes < 0x7FFF ? 0 : mebibytes));
        Add(17, module, "DIMM 0");

        byte[] mapped = new byte[0x1F - 4];
        BinaryPrimitives.WriteUInt32LittleEndian(mapped, uint.MaxValue);
        BinaryPrimitives.WriteUInt16LittleEndian(mapped.AsSpan(8), array);
        mapped[10] = 1;
        BinaryPrimitives.WriteUInt64LittleEndian(mapped.AsSpan(19), ram.Size - 1);
        Add(19, mapped);
        Add(127, []);

        byte[] entry = new byte[24];
        "_SM3_"u8.CopyTo(entry);
        entry[6] = 24;
        entry[7] = 3;
        entry[8] = 4;
        entry[10] = 1;
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(12), (uint)tables.Count);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(16), Structures);
        entry[5] = (byte)-entry.Sum(value => value);
        ram.TryWrite(Structures, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(tables));
        ram.TryWrite(EntryPoint, entry);
    }
}
