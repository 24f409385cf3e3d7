using System.Buffers.Binary;
using Nacelle.Cpu;

namespace Nacelle.Machine.Boot;

/// <summary>Register states in which boot protocols enter kernels.</summary>
internal static class FlatSegments
{
    private const ulong PageTables = 0x9000;
    private const ushort Code64 = 0xA09B;
    private const ushort Code32 = 0xC09B;
    private const ushort Data = 0xC093;

    /// <summary>64-bit mode with the first 4 GiB mapped one to one (Linux x86 boot protocol, "64-bit boot protocol").</summary>
    internal static void EnterLong(BootPayload payload, ref CpuRegisters registers)
    {
        Span<byte> tables = stackalloc byte[6 * 4096];
        tables.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(tables, (PageTables + 0x1000) | 3);
        for (ulong gibibyte = 0; gibibyte < 4; gibibyte++)
        {
            ulong directory = 0x2000 + (gibibyte * 0x1000);
            BinaryPrimitives.WriteUInt64LittleEndian(tables[(int)(0x1000 + (gibibyte * 8))..], (PageTables + directory) | 3);
            for (ulong i = 0; i < 512; i++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(
                    tables[(int)(directory + (i * 8))..], (gibibyte << 30) | (i << 21) | 0x83);
            }
        }

        // They hold their own addresses; kernels in this mode lie above 1 MiB, so that the place is free.
        _ = payload.Claims.Take(PageTables, (ulong)tables.Length, "the page tables");
        payload.Write(PageTables, tables, "page tables", payload.KernelPath);
        Enter(payload, ref registers, Code64);
        registers.Cr3 = PageTables;
        registers.Cr4 = 0x20;
        registers.Efer = 0x500;
        registers.Cr0 = 0x8000_0031;
    }

    /// <summary>32-bit protected mode without paging.</summary>
    internal static void EnterProtected(BootPayload payload, ref CpuRegisters registers)
    {
        Enter(payload, ref registers, Code32);
        registers.Cr0 = 0x31;
    }

    private static void Enter(BootPayload payload, ref CpuRegisters registers, ushort code)
    {
        Span<ulong> table = [0, 0, Descriptor(code), Descriptor(Data), 0x0000_8B00_0000_0067];
        ulong address = payload.PlaceDescriptors(System.Runtime.InteropServices.MemoryMarshal.AsBytes(table));
        registers.Gdtr = new DescriptorTableRegister { Base = address, Limit = (ulong)(table.Length * 8) - 1 };
        registers.Idtr = default;
        registers.Cs = Segment(0x10, code);
        SegmentRegister data = Segment(0x18, Data);
        registers.Ds = data;
        registers.Es = data;
        registers.Fs = data;
        registers.Gs = data;
        registers.Ss = data;
        registers.Ldtr = default;
        registers.Tr = new SegmentRegister { Selector = 0x20, Limit = 0x67, Attributes = 0x8B };
        registers.Rflags = 2;
    }

    private static SegmentRegister Segment(ushort selector, ushort attributes) =>
        new() { Selector = selector, Limit = uint.MaxValue, Attributes = attributes };

    /// <summary>Base 0, limit 4 GiB; the attributes lie at bit 40 with the limit's upper bits between them.</summary>
    private static ulong Descriptor(ushort attributes) => 0x000F_0000_0000_FFFF | ((ulong)attributes << 40);
}
