using System.Buffers.Binary;
using Nacelle.Cpu;
using Nacelle.Machine.Board;

namespace Nacelle.Machine.Boot;

/// <summary>ELF kernels with a PVH entry (Xen "x86/HVM direct boot ABI"): 32-bit protected mode, EBX points to the start info.</summary>
internal static class PvhImage
{
    private const uint EntryNote = 18;
    private const uint Magic = 0x336E_C578;
    private const ulong StartInfo = 0x7000;
    private const ulong Modules = 0x7100;
    private const ulong MemoryMap = 0x7200;
    private const int MaximumMapEntries = 32;

    internal static unsafe CpuRegisters Load(BootPayload payload, in CpuRegisters reset)
    {
        ElfFile elf = new(payload.Kernel.Span, payload.KernelPath);
        if (!elf.TryFindNote("Xen\0"u8, EntryNote, out ReadOnlySpan<byte> note) || note.Length < 4)
        {
            throw GuestImageError.Of(
                payload.KernelPath, "this ELF file has neither a PVH entry note nor a multiboot header: use a kernel built with CONFIG_PVH");
        }

        ulong entry = BinaryPrimitives.ReadUInt32LittleEndian(note);
        elf.Load(payload);
        ulong commandLine = payload.PlaceCommandLine(BootPayload.CommandLineRoom - 1);
        ulong initrd = payload.PlaceInitrd(PhysicalLayout.ExtendedBase, uint.MaxValue);
        ulong startInfo = WriteStartInfo(payload, commandLine, initrd);

        CpuRegisters registers = reset;
        FlatSegments.EnterProtected(payload, ref registers);
        registers.Rip = entry;
        registers.General[(int)GeneralRegister.Rbx] = startInfo;
        return registers;
    }

    private static ulong WriteStartInfo(BootPayload payload, ulong commandLine, ulong initrd)
    {
        Span<byte> map = stackalloc byte[MaximumMapEntries * 24];
        map.Clear();
        uint count = 0;
        foreach (MemoryMapEntry entry in PhysicalLayout.MemoryMap(payload.Ram))
        {
            Span<byte> slot = map[(int)(count * 24)..];
            BinaryPrimitives.WriteUInt64LittleEndian(slot, entry.Start);
            BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], entry.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(slot[16..], (uint)entry.Kind);
            count++;
        }

        ulong memoryMap = payload.PlaceData(MemoryMap, map, "the memory map");
        ulong modules = 0;
        if (initrd != 0)
        {
            Span<byte> module = stackalloc byte[32];
            module.Clear();
            BinaryPrimitives.WriteUInt64LittleEndian(module, initrd);
            BinaryPrimitives.WriteUInt64LittleEndian(module[8..], (ulong)payload.Initrd.Length);
            modules = payload.PlaceData(Modules, module, "the list of modules");
        }

        Span<byte> info = stackalloc byte[56];
        info.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(info, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(info[4..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(info[12..], initrd != 0 ? 1u : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(info[16..], modules);
        BinaryPrimitives.WriteUInt64LittleEndian(info[24..], commandLine);
        BinaryPrimitives.WriteUInt64LittleEndian(info[32..], payload.RootPointer);
        BinaryPrimitives.WriteUInt64LittleEndian(info[40..], memoryMap);
        BinaryPrimitives.WriteUInt32LittleEndian(info[48..], count);
        return payload.PlaceData(StartInfo, info, "the start information");
    }
}
