using System.Buffers.Binary;
using System.Text;
using Nacelle.Cpu;
using Nacelle.Machine.Boot;
using Nacelle.Memory;

namespace Nacelle.Machine.Tests.Boot;

/// <summary>Where the boot loaders put things, and what they refuse.</summary>
public sealed class LoaderTests
{
    private const string CommandLine = "the words of the command line";
    private const uint MultibootMagic = 0x1BAD_B002;

    private static readonly (uint Address, uint Length)[] s_awkward =
        [(0x6000, 0x1000), (0x7000, 0x2000), (0x1_0000, 0x1000), (0x2_0000, 0x1000), (0x10_0000, 0x3000)];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public unsafe void What_a_kernel_is_given_overlaps_nothing_that_was_loaded(bool multiboot)
    {
        using GuestMemory ram = Memory(8 << 20);
        byte[] kernel = Elf(multiboot, s_awkward);
        byte[] initrd = Enumerable.Range(0, 10_000).Select(i => (byte)i).ToArray();
        CpuRegisters registers = BootPayload.Enter(Payload(ram, kernel, initrd), default);
        foreach ((uint address, uint length) in s_awkward)
        {
            byte[] loaded = new byte[length];
            Assert.True(ram.TryRead(address, loaded));
            Assert.True(loaded.All(value => value == 0xA5), $"the segment at 0x{address:x} was overwritten");
        }

        ulong info = registers.General[(int)GeneralRegister.Rbx];
        ulong line = multiboot ? Word(ram, info + 16) : Word(ram, info + 24);
        ulong modules = multiboot ? Word(ram, info + 24) : Word(ram, info + 16);
        Assert.Equal(multiboot ? $"kernel {CommandLine}" : CommandLine, Text(ram, line));
        byte[] placed = new byte[initrd.Length];
        Assert.True(ram.TryRead(Word(ram, modules), placed));
        Assert.Equal(initrd, placed);
        Assert.True(ram.TryRead(registers.Gdtr.Base + 0x10, out ulong code) && code != 0xA5A5_A5A5_A5A5_A5A5, "the descriptors are gone");
        AssertApart(info, line, modules, registers.Gdtr.Base, Word(ram, modules));
    }

    [Theory]
    [InlineData(0xF_0000u, 0x1000u, "the firmware's tables")]
    [InlineData(0x9_F000u, 0x1000u, "the extended BIOS data area")]
    [InlineData(0x9_F000u, 0x8_0000u, "does not lie in guest memory")]
    [InlineData(0xB_0000u, 0x1000u, "does not lie in guest memory")]
    [InlineData(0xFEE0_0000u, 0x1000u, "does not lie in guest memory")]
    [InlineData(0xFFFF_F000u, 0xFFFF_FFFFu, "of guest memory")]
    [InlineData(0x10_0000u, 0x1000_0000u, "MiB of guest memory")]
    public void A_segment_that_has_no_place_is_refused(uint address, uint length, string reason)
    {
        using GuestMemory ram = Memory(8 << 20);
        byte[] kernel = Elf(multiboot: true, [(0x10_0000, 0x1000)]);
        BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(52 + 12), address);
        BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(52 + 20), length);
        MachineException error = Assert.Throws<MachineException>(() => BootPayload.Enter(Payload(ram, kernel, []), default));
        Assert.Equal(MachineErrorKind.GuestImage, error.Kind);
        Assert.Contains(reason.StartsWith("of guest", StringComparison.Ordinal) ? "guest memory" : reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Thousands_of_segments_over_each_other_are_refused_at_once()
    {
        using GuestMemory ram = Memory(8 << 20);
        byte[] kernel = Elf(multiboot: true, [.. Enumerable.Repeat((0x10_0000u, 0x40_0000u), 200)], inFile: 16);
        MachineException error = Assert.Throws<MachineException>(() => BootPayload.Enter(Payload(ram, kernel, []), default));
        Assert.Contains("overlap", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x206)]
    [InlineData(0x260)]
    [InlineData(0x261)]
    [InlineData(0x267)]
    [InlineData(0x300)]
    [InlineData(0x9FF)]
    public void A_bzImage_that_is_cut_off_is_refused(int length)
    {
        using GuestMemory ram = Memory(8 << 20);
        byte[] kernel = LinuxImage(0x100, 0x10)[..length];
        MachineException error = Assert.Throws<MachineException>(() => BootPayload.Enter(Payload(ram, kernel, []), default));
        Assert.Equal(MachineErrorKind.GuestImage, error.Kind);
        Assert.Contains("truncated", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xFFFF_FFFF_FFFF_F000)]
    [InlineData(0x7000ul)]
    [InlineData(0xF_FFFFul)]
    public void A_bzImage_that_wants_to_lie_where_nothing_can_is_refused(ulong address)
    {
        using GuestMemory ram = Memory(8 << 20);
        byte[] kernel = LinuxImage(0x100, 0x10);
        BinaryPrimitives.WriteUInt64LittleEndian(kernel.AsSpan(0x258), address);
        MachineException error = Assert.Throws<MachineException>(() => BootPayload.Enter(Payload(ram, kernel, []), default));
        Assert.Equal(MachineErrorKind.GuestImage, error.Kind);
    }

    [Theory]
    [InlineData(0x100, 0x10, true)]
    [InlineData(0xF1, 0x10, true)]
    [InlineData(0xF0, 0x10, false)]
    public void The_last_paragraph_of_a_bzImage_need_not_be_whole(int present, uint paragraphs, bool taken)
    {
        using GuestMemory ram = Memory(8 << 20);
        byte[] kernel = LinuxImage(present, paragraphs);
        if (taken)
        {
            CpuRegisters registers = BootPayload.Enter(Payload(ram, kernel, []), default);
            Assert.Equal(0x10_0200ul, registers.Rip);
        }
        else
        {
            Assert.Throws<MachineException>(() => BootPayload.Enter(Payload(ram, kernel, []), default));
        }
    }

    [Fact]
    public void An_initrd_that_does_not_fit_is_refused()
    {
        using GuestMemory ram = Memory(8 << 20);
        MachineException error = Assert.Throws<MachineException>(
            () => BootPayload.Enter(Payload(ram, Elf(multiboot: true, [(0x10_0000, 0x1000)]), new byte[8 << 20]), default));
        Assert.Equal(MachineErrorKind.GuestImage, error.Kind);
        Assert.Contains("initrd", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_without_end_is_refused_by_its_beginning_or_by_what_the_guest_has_room_for()
    {
        MachineException kernel = Assert.Throws<MachineException>(
            () => GuestFile.Read("kernel", "/dev/zero", 1 << 20, _ => throw GuestImageError.Of("/dev/zero", "no kernel")));
        Assert.Contains("no kernel", kernel.Message, StringComparison.Ordinal);
        MachineException initrd = Assert.Throws<MachineException>(() => GuestFile.Read("initrd", "/dev/zero", 1 << 20));
        Assert.Equal(MachineErrorKind.GuestImage, initrd.Kind);
        Assert.Equal(MachineErrorKind.GuestImage, Assert.Throws<MachineException>(() => GuestFile.Read("kernel", "/dev/null", 1 << 20)).Kind);
    }

    [Fact]
    public void A_file_longer_than_two_GiB_is_refused_without_being_read()
    {
        string path = Path.GetTempFileName();
        try
        {
            using (FileStream file = new(path, FileMode.Open))
            {
                file.SetLength(3L << 30);
            }

            MachineException error = Assert.Throws<MachineException>(() => GuestFile.Read("initrd", path, 16UL << 30));
            Assert.Equal(MachineErrorKind.GuestImage, error.Kind);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static GuestMemory Memory(ulong size) => new([(0, 0xA_0000), (0xC_0000, size - 0xC_0000)]);

    private static BootPayload Payload(GuestMemory ram, byte[] kernel, byte[] initrd) =>
        new(ram, "kernel", kernel, "initrd", initrd, CommandLine, 0xE_0000);

    private static ulong Word(GuestMemory ram, ulong address) =>
        ram.TryRead(address, out uint value) ? value : throw new InvalidOperationException($"0x{address:x} is no RAM");

    private static string Text(GuestMemory ram, ulong address)
    {
        byte[] bytes = new byte[256];
        Assert.True(ram.TryRead(address, bytes));
        return Encoding.UTF8.GetString(bytes, 0, Array.IndexOf(bytes, (byte)0));
    }

    private static void AssertApart(params ulong[] places)
    {
        foreach (ulong place in places)
        {
            Assert.NotEqual(0ul, place);
            Assert.DoesNotContain(s_awkward, segment => place >= segment.Address && place < segment.Address + segment.Length);
        }
    }

    private static byte[] LinuxImage(int present, uint paragraphs)
    {
        byte[] file = new byte[0xA00 + present];
        (file[0x1F1], file[0x1FE], file[0x1FF], file[0x201]) = (4, 0x55, 0xAA, 0x66);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x1F4), paragraphs);
        "HdrS"u8.CopyTo(file.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x206), 0x20F);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x22C), 0x7FFF_FFFF);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x236), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x238), 2047);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(0x258), 0x10_0000);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x260), 0x1000);
        return file;
    }

    /// <summary>An ELF32 file whose segments are filled with A5h; with a multiboot header, or with the entry note of PVH.</summary>
    private static byte[] Elf(bool multiboot, (uint Address, uint Length)[] segments, uint? inFile = null)
    {
        const int header = 52;
        const int entry = 32;
        const int noteSize = 20;
        int count = segments.Length + 1;
        int note = header + (count * entry);
        int content = note + 0x20;
        uint longest = inFile ?? segments.Max(segment => segment.Length);
        byte[] file = new byte[content + longest];
        file.AsSpan(content).Fill(0xA5);
        "\u007fELF"u8.CopyTo(file);
        (file[4], file[5], file[6], file[16], file[18]) = (1, 1, 1, 2, 3);
        Put(24, 0x10_0000);
        Put(28, header);
        file[42] = entry;
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(44), (ushort)count);
        for (int i = 0; i < segments.Length; i++)
        {
            int at = header + (i * entry);
            Put(at, 1);
            Put(at + 4, (uint)content);
            Put(at + 12, segments[i].Address);
            Put(at + 16, inFile ?? segments[i].Length);
            Put(at + 20, segments[i].Length);
        }

        int last = header + (segments.Length * entry);
        Put(last, 4);
        Put(last + 4, (uint)note);
        Put(last + 16, noteSize);
        Put(last + 20, noteSize);
        if (multiboot)
        {
            Put(note, MultibootMagic);
            Put(note + 8, unchecked(0u - MultibootMagic));
            Put(last, 0);
        }
        else
        {
            Put(note, 4);
            Put(note + 4, 4);
            Put(note + 8, 18);
            "Xen\0"u8.CopyTo(file.AsSpan(note + 12));
            Put(note + 16, 0x10_0000);
        }

        return file;

        void Put(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(offset), value);
    }
}
