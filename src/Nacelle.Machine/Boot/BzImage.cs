using System.Buffers.Binary;
using Nacelle.Cpu;
using Nacelle.Machine.Board;

namespace Nacelle.Machine.Boot;

/// <summary>Linux bzImage files through their 64-bit entry (kernel documentation, "The Linux/x86 Boot Protocol").</summary>
internal static class BzImage
{
    private const ulong ParametersAddress = 0x7000;
    private const int SetupHeader = 0x1F1;
    private const int HeaderMagic = 0x202;
    private const int MemoryMapEntries = 0x1E8;
    private const int MemoryMap = 0x2D0;
    private const int MaximumMapEntries = 128;
    private const ulong Entry64Offset = 0x200;
    private const int ShortestHeader = 0x268;

    // syssize counts in paragraphs, and the last one need not be whole: memtest86+ ends in the middle of it.
    private const ulong Paragraph = 16;

    internal static bool IsRecognised(ReadOnlySpan<byte> file) =>
        file.Length >= HeaderMagic + 4 && file[0x1FE] == 0x55 && file[0x1FF] == 0xAA && file.Slice(HeaderMagic, 4).SequenceEqual("HdrS"u8);

    internal static CpuRegisters Load(BootPayload payload, in CpuRegisters reset)
    {
        ReadOnlySpan<byte> file = payload.Kernel.Span;
        if (file.Length < ShortestHeader)
        {
            throw GuestImageError.Of(payload.KernelPath, $"truncated: its header ends after {file.Length} bytes");
        }

        int version = BinaryPrimitives.ReadUInt16LittleEndian(file[0x206..]);
        int extendedFlags = BinaryPrimitives.ReadUInt16LittleEndian(file[0x236..]);
        if (version < 0x20C || (extendedFlags & 1) == 0)
        {
            throw GuestImageError.Of(
                payload.KernelPath, "this bzImage has no 64-bit entry: use a 64-bit kernel with boot protocol 2.12 or later");
        }

        int setupSectors = file[SetupHeader];
        int setupSize = ((setupSectors == 0 ? 4 : setupSectors) + 1) * 512;
        ulong systemSize = BinaryPrimitives.ReadUInt32LittleEndian(file[0x1F4..]) * Paragraph;
        ulong present = file.Length > setupSize ? (ulong)(file.Length - setupSize) : 0;
        if (present == 0)
        {
            throw GuestImageError.Of(payload.KernelPath, $"truncated: it ends with its setup, after {file.Length} bytes");
        }

        if (present + Paragraph <= systemSize)
        {
            throw GuestImageError.Of(
                payload.KernelPath, $"truncated: its header promises {setupSize + (long)systemSize} bytes and the file has {file.Length}");
        }

        ulong address = BinaryPrimitives.ReadUInt64LittleEndian(file[0x258..]);
        ulong size = Math.Max(BinaryPrimitives.ReadUInt32LittleEndian(file[0x260..]), present);
        ulong end = PhysicalLayout.LowRamEnd(payload.Ram);
        if (address < PhysicalLayout.ExtendedBase || address >= end || size > end - address)
        {
            throw address < PhysicalLayout.ExtendedBase || address > uint.MaxValue
                ? GuestImageError.Of(payload.KernelPath, $"it wants to lie at 0x{address:x}, where no kernel can be loaded")
                : GuestImageError.TooLarge("kernel", payload.KernelPath, size + address, end);
        }

        _ = payload.Claims.Take(address, size, "the kernel");

        payload.Write(address, file[setupSize..], "kernel", payload.KernelPath);
        ulong commandLine = payload.PlaceCommandLine((int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(file[0x238..]), int.MaxValue));
        ulong initrdHighest = BinaryPrimitives.ReadUInt32LittleEndian(file[0x22C..]);
        ulong initrd = payload.PlaceInitrd(address + size, initrdHighest);
        ulong parameters = WriteParameters(payload, file, address, initrd, commandLine);

        CpuRegisters registers = reset;
        FlatSegments.EnterLong(payload, ref registers);
        registers.Rip = address + Entry64Offset;
        SetGeneral(ref registers, GeneralRegister.Rsi, parameters);
        return registers;
    }

    private static unsafe void SetGeneral(ref CpuRegisters registers, GeneralRegister register, ulong value) =>
        registers.General[(int)register] = value;

    private static ulong WriteParameters(BootPayload payload, ReadOnlySpan<byte> file, ulong kernel, ulong initrd, ulong commandLine)
    {
        Span<byte> page = stackalloc byte[4096];
        page.Clear();
        int headerEnd = HeaderMagic + file[0x201];
        file[SetupHeader..Math.Min(headerEnd, 0x290)].CopyTo(page[SetupHeader..]);

        BinaryPrimitives.WriteUInt64LittleEndian(page[0x70..], payload.RootPointer);

        // Loader type: none of the assigned ones. The flag says that the kernel was loaded high.
        page[0x210] = 0xFF;
        page[0x211] |= 1;
        BinaryPrimitives.WriteUInt32LittleEndian(page[0x214..], (uint)kernel);
        BinaryPrimitives.WriteUInt32LittleEndian(page[0x218..], (uint)initrd);
        BinaryPrimitives.WriteUInt32LittleEndian(page[0x21C..], (uint)payload.Initrd.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(page[0x228..], (uint)commandLine);

        int count = 0;
        foreach (MemoryMapEntry entry in PhysicalLayout.MemoryMap(payload.Ram))
        {
            if (count == MaximumMapEntries)
            {
                break;
            }

            Span<byte> slot = page[(MemoryMap + (count * 20))..];
            BinaryPrimitives.WriteUInt64LittleEndian(slot, entry.Start);
            BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], entry.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(slot[16..], (uint)entry.Kind);
            count++;
        }

        page[MemoryMapEntries] = (byte)count;
        return payload.PlaceData(ParametersAddress, page, "the boot parameters");
    }
}
