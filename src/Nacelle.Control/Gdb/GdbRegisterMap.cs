using System.Globalization;
using Nacelle.Cpu;

namespace Nacelle.Control.Gdb;

/// <summary>
/// All registers in the order of their numbers, by the features of the GDB manual, appendix G.5.4; the last feature is this
/// program's own. Immutable.
/// </summary>
internal static unsafe class GdbRegisterMap
{
    private static readonly (string Name, GeneralRegister Register)[] s_general =
    [
        ("rax", GeneralRegister.Rax), ("rbx", GeneralRegister.Rbx), ("rcx", GeneralRegister.Rcx), ("rdx", GeneralRegister.Rdx),
        ("rsi", GeneralRegister.Rsi), ("rdi", GeneralRegister.Rdi), ("rbp", GeneralRegister.Rbp), ("rsp", GeneralRegister.Rsp),
        ("r8", GeneralRegister.R8), ("r9", GeneralRegister.R9), ("r10", GeneralRegister.R10), ("r11", GeneralRegister.R11),
        ("r12", GeneralRegister.R12), ("r13", GeneralRegister.R13), ("r14", GeneralRegister.R14), ("r15", GeneralRegister.R15),
    ];

    /// <summary>The features with their registers.</summary>
    public static IReadOnlyList<(string Feature, IReadOnlyList<GdbRegister> Registers)> Features { get; } =
    [
        ("org.gnu.gdb.i386.core", [.. Core(), .. FloatingPoint()]),
        ("org.gnu.gdb.i386.sse", [.. Vectors("xmm{0}", "vec128", 1, 160), Extended("mxcsr", 32, "i386_mxcsr", "vector", 1, 24)]),
        ("org.gnu.gdb.i386.avx", [.. Vectors("ymm{0}h", "uint128", 2, GdbProcessorImage.UpperHalves)]),
        ("org.gnu.gdb.i386.segments",
        [
            System("fs_base", i => i.Registers.Fs.Base, (i, v) => i.Registers.Fs.Base = v),
            System("gs_base", i => i.Registers.Gs.Base, (i, v) => i.Registers.Gs.Base = v),
        ]),
        ("org.nacelle.x86.control",
        [
            System("k_gs_base", i => i.Registers.KernelGsBase, (i, v) => i.Registers.KernelGsBase = v),
            System("cr0", i => i.Registers.Cr0, (i, v) => i.Registers.Cr0 = v, "x86_cr0"),
            System("cr2", i => i.Registers.Cr2, (i, v) => i.Registers.Cr2 = v),
            System("cr3", i => i.Registers.Cr3, (i, v) => i.Registers.Cr3 = v),
            System("cr4", i => i.Registers.Cr4, (i, v) => i.Registers.Cr4 = v, "x86_cr4"),
            System("cr8", i => i.Registers.Cr8, (i, v) => i.Registers.Cr8 = v),
            System("efer", i => i.Registers.Efer, (i, v) => i.Registers.Efer = v, "x86_efer"),
        ]),
    ];

    /// <summary>All registers by number.</summary>
    public static IReadOnlyList<GdbRegister> All { get; } = [.. Features.SelectMany(feature => feature.Registers)];

    private static IEnumerable<GdbRegister> Core()
    {
        foreach ((string name, GeneralRegister register) in s_general)
        {
            string type = register is GeneralRegister.Rsp or GeneralRegister.Rbp ? "data_ptr" : "int64";
            yield return General(name, type, register);
        }

        yield return GdbRegister.Number("rip", 64, "code_ptr", "general", i => i.Registers.Rip, Change((i, v) => i.Registers.Rip = v));

        // Bit 1 is always set; what lies above bit 21 is reserved.
        yield return GdbRegister.Number(
            "eflags", 32, "i386_eflags", "general", i => i.Registers.Rflags, Change((i, v) => i.Registers.Rflags = (v & 0x3F_7FD7) | 2));

        // A selector without its descriptor makes no sense, so these are only shown.
        (string, SegmentName)[] segments =
        [
            ("cs", SegmentName.Cs), ("ss", SegmentName.Ss), ("ds", SegmentName.Ds), ("es", SegmentName.Es), ("fs", SegmentName.Fs),
            ("gs", SegmentName.Gs),
        ];
        foreach ((string name, SegmentName segment) in segments)
        {
            yield return GdbRegister.Number(name, 32, "int32", "general", i => i.Registers.Segment(segment).Selector, null);
        }
    }

    private static GdbRegister General(string name, string type, GeneralRegister register)
    {
        int number = (int)register;
        return GdbRegister.Number(
            name, 64, type, "general", i => i.Registers.General[number], Change((i, v) => i.Registers.General[number] = v));
    }

    private static IEnumerable<GdbRegister> FloatingPoint()
    {
        for (int i = 0; i < 8; i++)
        {
            yield return Extended(Name("st{0}", i), 80, "i387_ext", "float", 0, 32 + (i * 16));
        }

        yield return Word("fctrl", 0, 2);
        yield return Word("fstat", 2, 2);
        yield return GdbRegister.Number(
            "ftag", 32, "int", "float", i => GdbTagWord.Expand(i.Extended), (i, v) => i.WriteExtended(0, 4, [GdbTagWord.Abridge((ushort)v)]));

        // With REX.W the image has offsets of 64 bits and no selectors; their upper halves stand where those would.
        yield return Word("fiseg", 12, 4);
        yield return Word("fioff", 8, 4);
        yield return Word("foseg", 20, 4);
        yield return Word("fooff", 16, 4);
        yield return Word("fop", 6, 2);
    }

    private static GdbRegister Word(string name, int offset, int bytes) => new(
        name,
        32,
        "int",
        "float",
        (image, target) =>
        {
            target.Clear();
            image.Extended.AsSpan(offset, bytes).CopyTo(target);
        },
        (image, source) => image.WriteExtended(0, offset, source[..bytes]));

    private static IEnumerable<GdbRegister> Vectors(string name, string type, int component, int offset) =>
        Enumerable.Range(0, 16).Select(i => Extended(Name(name, i), 128, type, "vector", component, offset + (i * 16)));

    private static GdbRegister Extended(string name, int bits, string type, string group, int component, int offset) =>
        GdbRegister.Extended(name, bits, type, group, component, offset);

    private static GdbRegister System(
        string name, Func<GdbProcessorImage, ulong> read, Action<GdbProcessorImage, ulong> write, string type = "int64") =>
        GdbRegister.Number(name, 64, type, "system", read, Change(write));

    private static Action<GdbProcessorImage, ulong> Change(Action<GdbProcessorImage, ulong> write) => (image, value) =>
    {
        write(image, value);
        image.IsChanged = true;
    };

    private static string Name(string format, int number) => string.Format(CultureInfo.InvariantCulture, format, number);
}
