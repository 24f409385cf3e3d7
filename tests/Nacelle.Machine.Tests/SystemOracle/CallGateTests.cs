using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <summary>Calls and jumps through call gates, held against the manual (SDM volume 3, 5.8): emulators inside KVM know none.</summary>
public sealed class CallGateTests(ITestOutputHelper output)
{
    private const ulong Landing = 0xB000;
    private const ulong Target = SystemImage.UserArea + 0x1E_0000;
    private const int InnerStack = (int)SystemImage.ExceptionStackTop;
    private const int UserStack = (int)SystemImage.UserArea + 0x10_0000;

    [Fact]
    public void Parameters_go_to_the_inner_stack()
    {
        SystemImage image = new(ImageMode.Protected);
        foreach ((int type, int size) in (ReadOnlySpan<(int, int)>)[(0xC, 4), (4, 2)])
        {
            int gate = AddGate(image, Landing + ((ulong)type * 16), SystemImage.KernelCode, type | 0xE0, parameters: 2);

            // CS and SS of the inner level, its stack, both parameters, and the caller's stack.
            image.Place(Landing + ((ulong)type * 16), c =>
            {
                if (size == 4)
                {
                    c.mov(eax, __[esp + 8]);
                    c.shl(eax, 8);
                    c.or(eax, __[esp + 12]);
                    c.mov(edx, __[esp + 16]);
                    c.sub(edx, esp);
                    c.retf(8);
                }
                else
                {
                    c.movzx(eax, __word_ptr[esp + 4]);
                    c.shl(eax, 8);
                    c.or(ax, __[esp + 6]);
                    c.movzx(edx, __word_ptr[esp + 8]);
                    c.ud2();
                }
            });
            image.TryAsUser($"call of {size} bytes", c =>
            {
                if (size == 4)
                {
                    c.push(0x34);
                    c.push(0x12);
                }
                else
                {
                    c.db(0x66, 0x6A, 0x34, 0x66, 0x6A, 0x12);
                }

                c.db(0x9A, 0, 0, 0, 0, (byte)(gate | 3), (byte)(gate >> 8));
                if (size == 4)
                {
                    c.sub(edx, UserStack - 8 - (InnerStack - 24));
                    c.mov(ecx, esp);
                    c.sub(ecx, UserStack);
                    c.or(edx, ecx);
                }
            });
        }

        IReadOnlyList<ulong[]> records = Run(image);
        Assert.True(records[0][0] == 6 && records[0][7] == 0x1234 && (uint)records[0][6] == 0 && (ushort)records[0][3] == (SystemImage.OtherCode | 3), SystemImage.Describe(records[0]));

        // A 16-bit gate keeps 16 bits of the caller's stack pointer.
        Assert.True((uint)records[1][7] == 0x1234 && records[1][6] == ((UserStack - 4) & 0xFFFF) && (ushort)records[1][3] == SystemImage.KernelCode, SystemImage.Describe(records[1]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Checks(bool isLong)
    {
        SystemImage image = new(isLong ? ImageMode.Long : ImageMode.Protected);
        int width = isLong ? 0xA : 0xC;
        int absent = image.AddDescriptor(SystemImage.Segment(0, 0xFFFFF, 0x1B, width));
        int conforming = image.AddDescriptor(SystemImage.Segment(0, 0xFFFFF, 0x9F, width));
        int shortCode = image.AddDescriptor(SystemImage.Segment(0, 0xFF, 0x9B, 4));
        image.Place(Target, c =>
        {
            c.mov(eax, cs);
            c.ud2();
        });
        (string Name, int Selector, int Access, bool FromUser, bool Call, ulong Vector, int? Error)[] attempts =
        [
            ("inner level", SystemImage.KernelCode, 0xEC, true, true, 6, 0),
            ("conforming code", conforming, 0xEC, true, true, 6, 3),
            ("the same level", SystemImage.UserCode, 0xEC, true, true, 6, 3),
            ("jump to an inner level", SystemImage.KernelCode, 0xEC, true, false, 13, SystemImage.KernelCode),
            ("jump to the same level", SystemImage.UserCode, 0xEC, true, false, 6, 3),
            ("jump to conforming code", conforming, 0xEC, true, false, 6, 3),
            ("a gate of level 0", SystemImage.KernelCode, 0x8C, true, true, 13, null),
            ("an absent gate", SystemImage.KernelCode, 0x6C, true, true, 11, null),
            ("null code", 0, 0xEC, true, true, 13, 0),
            ("data", SystemImage.KernelData, 0xEC, true, true, 13, SystemImage.KernelData),
            ("absent code", absent, 0xEC, true, true, 11, absent),
            ("outer code", SystemImage.UserCode & ~3, 0xEC, false, true, 13, SystemImage.UserCode & ~3),
            ("from level 0", SystemImage.KernelCode, 0x8C, false, true, 6, 0),
            ("jump from level 0", SystemImage.KernelCode, 0x8C, false, false, 6, 0),
            ("short code", shortCode, 0xEC, true, true, 13, isLong ? shortCode : 0),
        ];
        List<int> gates = [];
        foreach ((string name, int selector, int access, bool fromUser, bool call, ulong _, int? _) in attempts)
        {
            int gate = AddGate(image, Target, selector, access, parameters: 0, isLong);
            gates.Add(gate);
            void Emit(Assembler c)
            {
                c.mov(__dword_ptr[SystemImage.UserArea + 0x1D_0000 + 4], gate | (fromUser ? 3 : 0));
                if (call)
                {
                    c.call(__fword_ptr[SystemImage.UserArea + 0x1D_0000]);
                }
                else
                {
                    c.jmp(__fword_ptr[SystemImage.UserArea + 0x1D_0000]);
                }
            }

            if (fromUser)
            {
                image.TryAsUser(name, Emit);
            }
            else
            {
                image.Try(name, Emit);
            }
        }

        IReadOnlyList<ulong[]> records = Run(image);
        for (int i = 0; i < attempts.Length; i++)
        {
            string seen = $"{attempts[i].Name}: {SystemImage.Describe(records[i])}";
            Assert.True(records[i][0] == attempts[i].Vector, seen);

            // The error code, or the level of the code that was reached.
            Assert.True(
                attempts[i].Vector == 6
                    ? records[i][2] == Target + 2 && ((int)records[i][3] & 3) == attempts[i].Error
                    : (int)records[i][1] == (attempts[i].Error ?? gates[i]),
                seen);
        }
    }

    private static int AddGate(SystemImage image, ulong offset, int selector, int access, int parameters, bool isLong = false)
    {
        ulong low = (offset & 0xFFFF) | ((ulong)(uint)selector << 16) | ((ulong)(uint)parameters << 32)
            | ((ulong)(uint)access << 40) | ((offset >> 16 & 0xFFFF) << 48);
        return isLong ? image.AddDescriptor(low, offset >> 32) : image.AddDescriptor(low);
    }

    private IReadOnlyList<ulong[]> Run(SystemImage image)
    {
        ImageRun run = image.RunOnTranslator();
        foreach ((string name, ulong[] record) in image.Names.Zip(run.Records))
        {
            output.WriteLine($"{name}: {SystemImage.Describe(record)}");
        }

        Assert.True(run.Records.Count == image.Names.Count, run.ToString());
        return run.Records;
    }
}
