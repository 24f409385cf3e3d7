using System.Buffers.Binary;
using Nacelle.Cpu;
using Nacelle.Machine.Board;

namespace Nacelle.Machine.Boot;

/// <summary>Multiboot ELF32 kernels (Multiboot specification 0.6.96).</summary>
internal static class Multiboot
{
    private const uint HeaderMagic = 0x1BAD_B002;
    private const uint LoaderMagic = 0x2BAD_B002;
    private const int SearchLength = 8192;
    private const uint AddressFields = 1 << 16;
    private const uint VideoMode = 1 << 2;
    private const ulong Information = 0x7000;
    private const ulong Modules = 0x7100;
    private const ulong LoaderName = 0x7180;
    private const ulong MemoryMap = 0x7200;

    internal static bool IsRecognised(ReadOnlySpan<byte> file) => FindHeader(file) >= 0;

    internal static unsafe CpuRegisters Load(BootPayload payload, in CpuRegisters reset)
    {
        ReadOnlySpan<byte> file = payload.Kernel.Span;
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(file[(FindHeader(file) + 4)..]);
        if ((flags & AddressFields) != 0 || !ElfFile.IsRecognised(file) || file[4] != 1)
        {
            throw GuestImageError.Of(payload.KernelPath, "this multiboot kernel is not an ELF32 file: only those are supported");
        }

        // Of the features that a kernel may insist on, only a video mode is missing; bits 0 and 1 are always honoured.
        if ((flags & 0xFFFF & ~3u) != 0)
        {
            throw GuestImageError.Of(
                payload.KernelPath,
                (flags & VideoMode) != 0 ? "this multiboot kernel insists on a video mode, and the machine has no display"
                    : $"this multiboot kernel insists on features 0x{flags & 0xFFFF:x} that no loader knows");
        }

        ElfFile elf = new(file, payload.KernelPath);
        elf.Load(payload);

        // Other boot loaders pass the kernel's file name first, and kernels skip that word (GRUB and QEMU do). Nothing that is passed may
        // overlap what was loaded (Multiboot 0.6.96, 3.3): the kernel has its memory already, and the rest goes around it.
        ulong commandLine = payload.PlaceCommandLine(BootPayload.CommandLineRoom - 1, payload.KernelPath);
        ulong initrd = payload.PlaceInitrd(PhysicalLayout.ExtendedBase, uint.MaxValue);
        ulong information = WriteInformation(payload, commandLine, initrd);

        CpuRegisters registers = reset;
        FlatSegments.EnterProtected(payload, ref registers);
        registers.Rip = elf.Entry;
        registers.General[(int)GeneralRegister.Rax] = LoaderMagic;
        registers.General[(int)GeneralRegister.Rbx] = information;
        return registers;
    }

    private static int FindHeader(ReadOnlySpan<byte> file)
    {
        for (int i = 0; i + 12 <= Math.Min(file.Length, SearchLength); i += 4)
        {
            uint magic = BinaryPrimitives.ReadUInt32LittleEndian(file[i..]);
            if (magic == HeaderMagic
                && magic + BinaryPrimitives.ReadUInt32LittleEndian(file[(i + 4)..])
                    + BinaryPrimitives.ReadUInt32LittleEndian(file[(i + 8)..]) == 0)
            {
                return i;
            }
        }

        return -1;
    }

    private static ulong WriteInformation(BootPayload payload, ulong commandLine, ulong initrd)
    {
        Span<byte> map = stackalloc byte[32 * 24];
        map.Clear();
        int length = 0;
        foreach (MemoryMapEntry entry in PhysicalLayout.MemoryMap(payload.Ram))
        {
            // The size field does not count itself.
            Span<byte> slot = map[length..];
            BinaryPrimitives.WriteUInt32LittleEndian(slot, 20);
            BinaryPrimitives.WriteUInt64LittleEndian(slot[4..], entry.Start);
            BinaryPrimitives.WriteUInt64LittleEndian(slot[12..], entry.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(slot[20..], (uint)entry.Kind);
            length += 24;
        }

        ulong memoryMap = payload.PlaceData(MemoryMap, map, "the memory map");
        ulong name = payload.PlaceData(LoaderName, "nacelle\0"u8, "the boot loader's name");
        Span<byte> module = stackalloc byte[16];
        module.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(module, (uint)initrd);
        BinaryPrimitives.WriteUInt32LittleEndian(module[4..], (uint)(initrd + (ulong)payload.Initrd.Length));
        ulong modules = payload.PlaceData(Modules, module, "the list of modules");

        Span<byte> info = stackalloc byte[120];
        info.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(info, 1 | (1 << 2) | (initrd != 0 ? 1u << 3 : 0) | (1 << 6) | (1 << 9));
        BinaryPrimitives.WriteUInt32LittleEndian(info[4..], (uint)(PhysicalLayout.ConventionalEnd >> 10));
        BinaryPrimitives.WriteUInt32LittleEndian(
            info[8..], (uint)((PhysicalLayout.LowRamEnd(payload.Ram) - PhysicalLayout.ExtendedBase) >> 10));
        BinaryPrimitives.WriteUInt32LittleEndian(info[16..], (uint)commandLine);
        BinaryPrimitives.WriteUInt32LittleEndian(info[20..], initrd != 0 ? 1u : 0);
        BinaryPrimitives.WriteUInt32LittleEndian(info[24..], (uint)modules);
        BinaryPrimitives.WriteUInt32LittleEndian(info[44..], (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(info[48..], (uint)memoryMap);
        BinaryPrimitives.WriteUInt32LittleEndian(info[64..], (uint)name);
        return payload.PlaceData(Information, info, "the multiboot information");
    }
}
