using Nacelle.Cpu;
using Nacelle.Memory;

namespace Nacelle.Kvm;

/// <summary>A guest of a few instructions in 64-bit mode at ring 0 that runs a loop between port writes, again and again.</summary>
/// <remarks>
/// The loop has a bit of what kernels do all the time (calls, the stack, stores, the interrupt flag), because emulators have
/// short cuts for loops that only count. Nothing in it leaves a guest that has hardware under it.
/// </remarks>
internal static class CalibrationImage
{
    public const ulong MemorySize = 0x20_0000;

    /// <summary>Where the guest reads how often it shall loop, and writes how far it is.</summary>
    public const ushort MarkerPort = 0xE9;
    public const byte Ready = 1;
    public const byte LoopBegins = 2;

    /// <summary>Instructions of one turn of the loop.</summary>
    public const int InstructionsPerIteration = 9;

    private const byte LoopEnds = 3;
    private const ulong PageMapLevel4 = 0x1000;
    private const ulong DirectoryPointers = 0x2000;
    private const ulong Directory = 0x3000;
    private const ulong Code = 0x4000;
    private const ulong StackTop = 0x6000;

    /// <summary>Puts the guest into RAM and points the vCPU at it.</summary>
    public static unsafe void Write(GuestMemory ram, IVirtualCpu processor)
    {
        const ulong presentWritable = 3;
        const ulong largePage = 0x83;
        bool written = ram.TryWrite(PageMapLevel4, DirectoryPointers | presentWritable)
            && ram.TryWrite(DirectoryPointers, Directory | presentWritable)
            && ram.TryWrite(Directory, largePage)
            && ram.TryWrite(Code, Program());
        if (!written)
        {
            throw new ArgumentException($"the calibration guest needs {MemorySize} bytes of RAM at 0", nameof(ram));
        }

        processor.ReadState(out CpuRegisters registers);
        SegmentRegister data = new() { Limit = uint.MaxValue, Selector = 0x10, Attributes = 0xC093 };
        registers.Cs = new SegmentRegister { Limit = uint.MaxValue, Selector = 0x08, Attributes = 0xA09B };
        registers.Ss = registers.Ds = registers.Es = registers.Fs = registers.Gs = data;

        // PG, NE, ET, PE; PAE; LMA, LME.
        registers.Cr0 = 0x8000_0031;
        registers.Cr3 = PageMapLevel4;
        registers.Cr4 = 0x20;
        registers.Efer = 0x500;
        registers.Rip = Code;
        registers.General[(int)GeneralRegister.Rsp] = StackTop;
        registers.Rflags = 2;
        processor.WriteState(registers);
    }

    private static byte[] Program() =>
    [
        0xE5, (byte)MarkerPort,        // in eax, port
        0x89, 0xC1,                    // mov ecx, eax
        0xB0, Ready,                   // mov al, ready
        0xE6, (byte)MarkerPort,        // out port, al
        0xB0, LoopBegins,              // mov al, begins
        0xE6, (byte)MarkerPort,        // out port, al
        0x50,                          // push rax
        0xE8, 13, 0, 0, 0,             // call to ret
        0x58,                          // pop rax
        0x89, 0x4C, 0x24, 0xC0,        // mov [rsp-64], ecx
        0xFA,                          // cli
        0x90,                          // nop
        0xFF, 0xC9,                    // dec ecx
        0x75, 0xEF,                    // jnz to push
        0xEB, 0x01,                    // jmp over ret
        0xC3,                          // ret
        0xB0, LoopEnds,                // mov al, ends
        0xE6, (byte)MarkerPort,        // out port, al
        0xEB, 0xDA,                    // jmp to the start
    ];
}
