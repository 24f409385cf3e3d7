using Iced.Intel;
using Nacelle.Cli.Tests;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Machine.Tests.Guests;

/// <summary>
/// A small 32-bit kernel: paging with or without PAE, two tasks at privilege level 3 in address spaces of their own that the
/// 8254 and the 8259 pair take turns of, memory on demand, system calls by INT 80h. It writes its results and powers off.
/// </summary>
/// <param name="physicalAddressExtension">Whether it pages with PAE, and no-execute bits, or with 32-bit entries.</param>
internal sealed class NarrowKernel(bool physicalAddressExtension)
{
    private const int Turns = 1 << 17;
    private const int CallMask = 0x3FF;
    private const int DemandPages = 8;
    private const int LeastTicks = 5;
    private const uint Total = 0x18_0000;
    private const uint Ticks = Total + 4;
    private const uint PageFaults = Total + 8;
    private const uint Refusals = Total + 12;
    private const uint Current = Total + 16;
    private const uint Done = Total + 20;
    private const uint Switches = Total + 24;
    private const uint NextFrame = Total + 28;
    private const uint Stacks = Total + 32;
    private const uint Results = Total + 40;
    private const uint Pseudo = 0x18_0100;
    private const uint DescriptorTable = 0x18_1000;
    private const uint InterruptTable = 0x18_2000;
    private const uint TaskState = 0x18_3000;
    private const uint KernelStacks = 0x18_6000;
    private const uint KernelStackSize = 0x2000;
    private const uint Directories = 0x19_0000;
    private const uint PageTables = 0x19_2000;
    private const uint Shared = 0x19_4000;
    private const uint UserDirectories = 0x19_5000;
    private const uint UserFrames = 0x30_0000;
    private const uint User = 0x4000_0000;
    private const uint UserStack = User + 0x1000;
    private const uint UserData = User + 0x2000;
    private const uint Demand = User + 0x3000;
    private const uint FirstFrame = 0x40_0000;
    private const int KernelCode = 0x08;
    private const int KernelData = 0x10;
    private const int UserCode = 0x1B;
    private const int UserDataSelector = 0x23;
    private const int TaskSelector = 0x28;

    /// <summary>The line that it writes where everything is right.</summary>
    public static string Expected
    {
        get
        {
            uint total = 0;
            uint[] results = new uint[2];
            for (uint task = 0; task < 2; task++)
            {
                uint state = task + 1;
                uint sum = 0;
                uint[] pages = new uint[DemandPages];
                for (uint left = Turns; left != 0; left--)
                {
                    state = (state * 1_103_515_245) + 12_345;
                    sum += state;
                    total += (left & CallMask) == 0 ? state >> 8 : 0;
                    pages[left % DemandPages] += left;
                }

                results[task] = pages.Aggregate(sum, (left, right) => left + right);
            }

            return $"kernel: {total:x8} {results[0]:x8} {results[1]:x8} {2 * DemandPages:x8} 00000002 00000001";
        }
    }

    /// <summary>Writes the kernel's file.</summary>
    public void Write(string path) => GuestProgram.Write(path, Emit);

    private void Emit(Assembler c)
    {
        Label timer = c.CreateLabel();
        Label call = c.CreateLabel();
        Label fault = c.CreateLabel();
        Label refusal = c.CreateLabel();
        c.cld();
        EmitDescriptors(c);
        EmitGate(c, 0x20, timer, 0x8E);
        EmitGate(c, 0x80, call, 0xEE);
        EmitGate(c, 14, fault, 0x8E);
        EmitGate(c, 13, refusal, 0x8E);
        EmitTables(c);
        EmitUser(c);
        EmitDevices(c);
        EmitTasks(c);
        Resume(c);

        c.Label(ref timer);
        EmitTimer(c);
        c.Label(ref call);
        EmitCall(c);
        c.Label(ref fault);
        EmitFault(c);
        c.Label(ref refusal);
        c.inc(__dword_ptr[Refusals]);
        c.add(esp, 4);
        c.inc(__dword_ptr[esp]);
        c.iretd();
    }

    private static void Word(Assembler c, uint address, uint value) => c.mov(__dword_ptr[address], value);

    private static void EmitDescriptors(Assembler c)
    {
        (int Selector, uint Low, uint High)[] descriptors =
        [
            (KernelCode, 0xFFFF, 0xCF_9A00), (KernelData, 0xFFFF, 0xCF_9200), (UserCode & ~3, 0xFFFF, 0xCF_FA00), (UserDataSelector & ~3, 0xFFFF, 0xCF_F200),
            (TaskSelector, (TaskState << 16) | 0x67, (TaskState & 0xFF00_0000) | 0x8900 | (TaskState >> 16 & 0xFF)),
        ];
        foreach ((int selector, uint low, uint high) in descriptors)
        {
            Word(c, DescriptorTable + (uint)selector, low);
            Word(c, DescriptorTable + (uint)selector + 4, high);
        }

        Word(c, Pseudo, 0x2F | (DescriptorTable << 16));
        Word(c, Pseudo + 4, DescriptorTable >> 16);
        Word(c, Pseudo + 8, 0x7FF | (InterruptTable << 16));
        Word(c, Pseudo + 12, InterruptTable >> 16);
        c.lgdt(__[Pseudo]);
        c.lidt(__[Pseudo + 8]);
        Word(c, TaskState + 8, KernelData);
        Label next = c.CreateLabel();
        Label over = c.CreateLabel();
        c.push(KernelCode);
        c.call(over);
        c.jmp(next);
        c.Label(ref over);
        c.retf();
        c.Label(ref next);
        c.mov(eax, KernelData);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.mov(ss, eax);
        c.mov(eax, TaskSelector);
        c.ltr(ax);
    }

    /// <summary>The handler's address comes from a call that returns to a jump to it.</summary>
    private static void EmitGate(Assembler c, int vector, Label handler, int attributes)
    {
        Label over = c.CreateLabel();
        uint gate = InterruptTable + ((uint)vector * 8);
        c.call(over);
        c.jmp(handler);
        c.Label(ref over);
        c.pop(eax);
        c.mov(edx, eax);
        c.and(eax, 0xFFFF);
        c.or(eax, KernelCode << 16);
        c.mov(__[gate], eax);
        c.xor(dx, dx);
        c.or(edx, attributes << 8);
        c.mov(__[gate + 4], edx);
    }

    private void EmitTables(Assembler c)
    {
        for (uint task = 0; task < 2; task++)
        {
            uint directory = Directories + (task * 0x1000);
            uint table = PageTables + (task * 0x1000);
            uint entrySize = physicalAddressExtension ? 8u : 4;
            if (physicalAddressExtension)
            {
                // The first GiB by 2 MiB pages, shared; the second through a directory of the task's.
                uint user = UserDirectories + (task * 0x1000);
                Word(c, directory, Shared | 1);
                Word(c, directory + 8, user | 1);
                Word(c, user, table | 7);
                for (uint i = 0; i < 8; i++)
                {
                    Word(c, Shared + (i * 8), (i << 21) | 0x83);
                }
            }
            else
            {
                for (uint i = 0; i < 4; i++)
                {
                    Word(c, directory + (i * 4), (i << 22) | 0x83);
                }

                Word(c, directory + (User >> 22 << 2), table | 7);
            }

            // Code that both have, and a stack and a page of data of each task's own.
            Word(c, table, UserFrames | 5);
            Word(c, table + entrySize, (UserFrames + 0x1000 + (task * 0x1000)) | 7);
            Word(c, table + (2 * entrySize), (UserFrames + 0x3000 + (task * 0x1000)) | 7);
            Word(c, UserFrames + 0x3000 + (task * 0x1000), task + 1);
            if (physicalAddressExtension)
            {
                Word(c, table + entrySize + 4, 0x8000_0000);
                Word(c, table + (2 * entrySize) + 4, 0x8000_0000);
            }
        }

        if (physicalAddressExtension)
        {
            c.mov(ecx, 0xC000_0080);
            c.rdmsr();
            c.or(eax, 0x800);
            c.wrmsr();
        }

        c.mov(eax, cr4);
        c.or(eax, physicalAddressExtension ? 0x20 : 0x10);
        c.mov(cr4, eax);
        c.mov(eax, Directories);
        c.mov(cr3, eax);
        c.mov(eax, cr0);
        c.or(eax, unchecked((int)0x8001_0000));
        c.mov(cr0, eax);
    }

    private static void EmitUser(Assembler c)
    {
        Assembler user = new(32);
        Label loop = user.CreateLabel();
        Label skip = user.CreateLabel();
        Label wait = user.CreateLabel();
        user.cli();
        user.mov(esi, __[UserData]);
        user.mov(ecx, Turns);
        user.Label(ref loop);
        user.imul(esi, esi, 1_103_515_245);
        user.add(esi, 12_345);
        user.add(__[UserData + 4], esi);
        user.test(ecx, CallMask);
        user.jne(skip);
        user.mov(eax, 1);
        user.mov(ebx, esi);
        user.shr(ebx, 8);
        user.@int(0x80);
        user.Label(ref skip);
        user.mov(edx, ecx);
        user.and(edx, DemandPages - 1);
        user.shl(edx, 12);
        user.push(ecx);
        user.pop(eax);
        user.add(__[edx + (int)Demand], eax);
        user.dec(ecx);
        user.jne(loop);
        user.mov(ebx, __[UserData + 4]);
        for (uint page = 0; page < DemandPages; page++)
        {
            user.add(ebx, __[Demand + (page * 0x1000)]);
        }

        user.Label(ref wait);
        user.mov(eax, 3);
        user.@int(0x80);
        user.cmp(eax, LeastTicks);
        user.jb(wait);
        user.mov(eax, 2);
        user.@int(0x80);
        user.ud2();
        using MemoryStream stream = new();
        user.Assemble(new StreamCodeWriter(stream), User);
        byte[] code = [.. stream.ToArray(), 0x90, 0x90, 0x90, 0x90];
        for (int i = 0; i + 4 <= code.Length; i += 4)
        {
            Word(c, UserFrames + (uint)i, BitConverter.ToUInt32(code, i));
        }
    }

    /// <summary>8259 pair at vectors 20H and 28H with only the timer's line open; 8254 channel 0 at about 1 kHz.</summary>
    private static void EmitDevices(Assembler c)
    {
        foreach ((byte port, byte value) in (ReadOnlySpan<(byte, byte)>)
        [
            (0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0xA0, 0x11), (0xA1, 0x28), (0xA1, 2), (0xA1, 1), (0x21, 0xFE), (0xA1, 0xFF),
            (0x43, 0x34), (0x40, 0xA9), (0x40, 0x04),
        ])
        {
            c.mov(al, value);
            c.@out(port, al);
        }
    }

    /// <summary>Each task's kernel stack looks as if it had been interrupted at its start.</summary>
    private static void EmitTasks(Assembler c)
    {
        Word(c, NextFrame, FirstFrame);
        for (uint task = 0; task < 2; task++)
        {
            uint frame = KernelStacks + (task * KernelStackSize) - 20;
            Word(c, frame, User);
            Word(c, frame + 4, UserCode);
            Word(c, frame + 8, 0x202);
            Word(c, frame + 12, UserStack + 0x1000);
            Word(c, frame + 16, UserDataSelector);
            Word(c, Stacks + (task * 4), frame - 32);
        }

        c.mov(eax, UserDataSelector);
        c.mov(ds, eax);
        c.mov(es, eax);
        c.xor(edx, edx);
    }

    /// <summary>Goes on with the task in EDX.</summary>
    private static void Resume(Assembler c)
    {
        c.mov(__[Current], edx);
        c.mov(esp, __[(edx * 4) + (int)Stacks]);
        c.mov(eax, edx);
        c.shl(eax, 12);
        c.add(eax, (int)Directories);
        c.mov(cr3, eax);
        c.mov(eax, edx);
        c.shl(eax, 13);
        c.add(eax, (int)KernelStacks);
        c.mov(__[TaskState + 4], eax);
        c.popad();
        c.iretd();
    }

    private static void EmitTimer(Assembler c)
    {
        Label alone = c.CreateLabel();
        c.pushad();
        c.mov(al, 0x20);
        c.@out(0x20, al);
        c.inc(__dword_ptr[Ticks]);
        c.cmp(__dword_ptr[Done], 0);
        c.jne(alone);
        c.mov(edx, __[Current]);
        c.mov(__[(edx * 4) + (int)Stacks], esp);
        c.xor(edx, 1);
        c.inc(__dword_ptr[Switches]);
        Resume(c);
        c.Label(ref alone);
        c.popad();
        c.iretd();
    }

    private static void EmitCall(Assembler c)
    {
        Label notAdd = c.CreateLabel();
        Label notTicks = c.CreateLabel();
        Label finish = c.CreateLabel();
        c.cmp(eax, 1);
        c.jne(notAdd);
        c.add(__[Total], ebx);
        c.iretd();
        c.Label(ref notAdd);
        c.cmp(eax, 3);
        c.jne(notTicks);
        c.mov(eax, __[Ticks]);
        c.iretd();
        c.Label(ref notTicks);
        c.mov(edx, __[Current]);
        c.mov(__[(edx * 4) + (int)Results], ebx);
        c.inc(__dword_ptr[Done]);
        c.cmp(__dword_ptr[Done], 2);
        c.je(finish);
        c.xor(edx, 1);
        Resume(c);
        c.Label(ref finish);
        GuestProgram.Print("kernel:")(c);
        c.cmp(__dword_ptr[Switches], 2);
        c.setae(al);
        c.movzx(eax, al);
        c.mov(__[Switches], eax);
        foreach (uint place in (uint[])[Total, Results, Results + 4, PageFaults, Refusals, Switches])
        {
            Label digit = c.CreateLabel();
            Label number = c.CreateLabel();
            c.mov(dx, 0x3F8);
            c.mov(al, (byte)' ');
            c.@out(dx, al);
            c.mov(ebx, __[place]);
            c.mov(ecx, 8);
            c.Label(ref digit);
            c.rol(ebx, 4);
            c.mov(al, bl);
            c.and(al, 15);
            c.add(al, (byte)'0');
            c.cmp(al, (byte)'9');
            c.jbe(number);
            c.add(al, 'a' - '9' - 1);
            c.Label(ref number);
            c.@out(dx, al);
            c.loop(digit);
        }

        GuestProgram.Print("\n")(c);
        GuestProgram.PowerOff(c);
    }

    /// <summary>Gives the task a page of zeros where it may have one.</summary>
    private void EmitFault(Assembler c)
    {
        Label wrong = c.CreateLabel();
        c.pushad();
        c.inc(__dword_ptr[PageFaults]);
        c.mov(ebx, cr2);
        c.mov(ecx, ebx);
        c.sub(ecx, (int)Demand);
        c.cmp(ecx, DemandPages * 0x1000);
        c.jae(wrong);
        c.mov(edi, __[NextFrame]);
        c.add(__dword_ptr[NextFrame], 0x1000);
        c.mov(edx, edi);
        c.xor(eax, eax);
        c.mov(ecx, 1024);
        c.rep.stosd();
        c.or(edx, 7);
        c.mov(eax, __[Current]);
        c.shl(eax, 12);
        c.add(eax, (int)PageTables);
        c.shr(ebx, 12);
        c.and(ebx, 0xFF);
        if (physicalAddressExtension)
        {
            c.mov(__dword_ptr[eax + (ebx * 8) + 4], unchecked((int)0x8000_0000));
            c.mov(__[eax + (ebx * 8)], edx);
        }
        else
        {
            c.mov(__[eax + (ebx * 4)], edx);
        }

        c.popad();
        c.add(esp, 4);
        c.iretd();
        c.Label(ref wrong);
        GuestProgram.Print("a page fault that nobody meant\n")(c);
        GuestProgram.PowerOff(c);
    }
}
