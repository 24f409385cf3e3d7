using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.SystemOracle;

/// <content>The handlers of exceptions: each writes a record and goes on after the attempt.</content>
internal sealed partial class SystemImage
{
    /// <summary>On the stack: vector, error code, RIP, CS, RFLAGS, RSP, SS. The resume flag and the arithmetic flags, which
    /// the translator need not have where nothing can read them any more, are left out of the records.</summary>
    private static void EmitLongHandler(Assembler c)
    {
        const int notCompared = 0x1_08D5;
        Label noAddress = c.CreateLabel();
        Label noDebug = c.CreateLabel();
        Label noResult = c.CreateLabel();
        c.push(rax);
        c.push(rdi);
        c.mov(rdi, __[LogPointer]);
        c.mov(rax, __[rsp + 16]);
        c.mov(__[rdi], rax);
        c.mov(rax, __[rsp + 24]);
        c.mov(__[rdi + 8], rax);
        c.mov(rax, __[rsp + 32]);
        c.mov(__[rdi + 16], rax);
        c.mov(eax, __[rsp + 40]);
        c.mov(__[rdi + 24], eax);
        c.mov(eax, __[rsp + 64]);
        c.mov(__[rdi + 28], eax);
        c.mov(rax, __[rsp + 48]);
        c.and(rax, ~notCompared);
        c.mov(__[rdi + 32], rax);
        c.mov(rax, __[rsp + 56]);
        c.mov(__[rdi + 40], rax);
        c.cmp(__qword_ptr[rdi], 14);
        c.jne(noAddress);
        c.mov(rax, cr2);
        c.mov(__[rdi + 48], rax);
        c.Label(ref noAddress);
        c.cmp(__qword_ptr[rdi], 1);
        c.jne(noDebug);
        c.mov(rax, dr6);
        c.mov(__[rdi + 56], rax);
        c.mov(eax, 0xFFFF_0FF0);
        c.mov(dr6, rax);
        c.Label(ref noDebug);
        c.cmp(__qword_ptr[rdi], 6);
        c.jne(noResult);
        c.mov(__[rdi + 48], rdx);
        c.mov(rax, __[rsp + 8]);
        c.mov(__[rdi + 56], rax);
        c.Label(ref noResult);
        c.add(__qword_ptr[LogPointer], RecordSize);
        c.pop(rdi);
        c.pop(rax);
        c.mov(rsp, __[RecoveryStack]);
        c.push(2);
        c.popfq();
        c.mov(ss, __word_ptr[DataSelector]);
        c.mov(ds, __word_ptr[DataSelector]);
        c.mov(es, __word_ptr[DataSelector]);
        c.jmp(__qword_ptr[RecoveryAddress]);
    }

    private static void EmitProtectedHandler(Assembler c)
    {
        const int notCompared = 0x1_08D5;
        Label noAddress = c.CreateLabel();
        Label sameLevel = c.CreateLabel();
        Label noDebug = c.CreateLabel();
        Label noResult = c.CreateLabel();
        c.push(eax);
        c.push(edi);
        c.mov(eax, KernelData);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(fs, eax);
        c.mov(gs, eax);
        c.mov(edi, __[LogPointer]);
        c.mov(eax, __[esp + 8]);
        c.mov(__[edi], eax);
        c.mov(eax, __[esp + 12]);
        c.mov(__[edi + 8], eax);
        c.mov(eax, __[esp + 16]);
        c.mov(__[edi + 16], eax);
        c.mov(eax, __[esp + 20]);
        c.mov(__[edi + 24], eax);
        c.mov(eax, __[esp + 24]);
        c.and(eax, ~notCompared);
        c.mov(__[edi + 32], eax);
        c.test(__byte_ptr[edi + 24], 3);
        c.je(sameLevel);
        c.mov(eax, __[esp + 28]);
        c.mov(__[edi + 40], eax);
        c.mov(eax, __[esp + 32]);
        c.mov(__[edi + 28], eax);
        c.Label(ref sameLevel);
        c.cmp(__dword_ptr[edi], 14);
        c.jne(noAddress);
        c.mov(eax, cr2);
        c.mov(__[edi + 48], eax);
        c.Label(ref noAddress);
        c.cmp(__dword_ptr[edi], 1);
        c.jne(noDebug);
        c.mov(eax, dr6);
        c.mov(__[edi + 56], eax);
        c.mov(eax, unchecked((int)0xFFFF_0FF0));
        c.mov(dr6, eax);
        c.Label(ref noDebug);
        c.cmp(__dword_ptr[edi], 6);
        c.jne(noResult);
        c.mov(__[edi + 48], edx);
        c.mov(eax, __[esp + 4]);
        c.mov(__[edi + 56], eax);
        c.Label(ref noResult);
        c.add(__dword_ptr[LogPointer], RecordSize);
        c.mov(eax, KernelData);
        c.mov(ss, eax);
        c.mov(esp, __[RecoveryStack]);
        c.push(2);
        c.popfd();
        c.jmp(__dword_ptr[RecoveryAddress]);
    }
}
