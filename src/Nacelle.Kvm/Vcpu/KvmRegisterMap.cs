using Nacelle.Cpu;
using Nacelle.Kvm.Interop;

namespace Nacelle.Kvm;

/// <summary>Between <see cref="CpuRegisters"/> and the kernel's structures.</summary>
internal static unsafe class KvmRegisterMap
{
    /// <summary>Model-specific registers that <see cref="CpuRegisters"/> holds and the system registers do not.</summary>
    public const int Msrs = 13;

    public static void ReadGeneral(in KvmRegisters from, ref CpuRegisters to)
    {
        to.General[(int)GeneralRegister.Rax] = from.Rax;
        to.General[(int)GeneralRegister.Rcx] = from.Rcx;
        to.General[(int)GeneralRegister.Rdx] = from.Rdx;
        to.General[(int)GeneralRegister.Rbx] = from.Rbx;
        to.General[(int)GeneralRegister.Rsp] = from.Rsp;
        to.General[(int)GeneralRegister.Rbp] = from.Rbp;
        to.General[(int)GeneralRegister.Rsi] = from.Rsi;
        to.General[(int)GeneralRegister.Rdi] = from.Rdi;
        to.General[(int)GeneralRegister.R8] = from.R8;
        to.General[(int)GeneralRegister.R9] = from.R9;
        to.General[(int)GeneralRegister.R10] = from.R10;
        to.General[(int)GeneralRegister.R11] = from.R11;
        to.General[(int)GeneralRegister.R12] = from.R12;
        to.General[(int)GeneralRegister.R13] = from.R13;
        to.General[(int)GeneralRegister.R14] = from.R14;
        to.General[(int)GeneralRegister.R15] = from.R15;
        to.Rip = from.Rip;
        to.Rflags = from.Rflags;
    }

    public static void WriteGeneral(in CpuRegisters from, out KvmRegisters to) => to = new KvmRegisters
    {
        Rax = from.General[(int)GeneralRegister.Rax],
        Rcx = from.General[(int)GeneralRegister.Rcx],
        Rdx = from.General[(int)GeneralRegister.Rdx],
        Rbx = from.General[(int)GeneralRegister.Rbx],
        Rsp = from.General[(int)GeneralRegister.Rsp],
        Rbp = from.General[(int)GeneralRegister.Rbp],
        Rsi = from.General[(int)GeneralRegister.Rsi],
        Rdi = from.General[(int)GeneralRegister.Rdi],
        R8 = from.General[(int)GeneralRegister.R8],
        R9 = from.General[(int)GeneralRegister.R9],
        R10 = from.General[(int)GeneralRegister.R10],
        R11 = from.General[(int)GeneralRegister.R11],
        R12 = from.General[(int)GeneralRegister.R12],
        R13 = from.General[(int)GeneralRegister.R13],
        R14 = from.General[(int)GeneralRegister.R14],
        R15 = from.General[(int)GeneralRegister.R15],
        Rip = from.Rip,
        Rflags = from.Rflags,
    };

    public static void ReadSystem(in KvmSystemRegisters from, ref CpuRegisters to)
    {
        to.Es = Read(from.Es);
        to.Cs = Read(from.Cs);
        to.Ss = Read(from.Ss);
        to.Ds = Read(from.Ds);
        to.Fs = Read(from.Fs);
        to.Gs = Read(from.Gs);
        to.Ldtr = Read(from.Ldtr);
        to.Tr = Read(from.Tr);
        to.Gdtr = new DescriptorTableRegister { Base = from.Gdtr.Base, Limit = from.Gdtr.Limit };
        to.Idtr = new DescriptorTableRegister { Base = from.Idtr.Base, Limit = from.Idtr.Limit };
        to.Cr0 = from.Cr0;
        to.Cr2 = from.Cr2;
        to.Cr3 = from.Cr3;
        to.Cr4 = from.Cr4;
        to.Cr8 = from.Cr8;
        to.Efer = from.Efer;
    }

    /// <summary>The APIC base and a pending interrupt stay as they are in <paramref name="to"/>.</summary>
    public static void WriteSystem(in CpuRegisters from, ref KvmSystemRegisters to)
    {
        to.Es = Write(from.Es);
        to.Cs = Write(from.Cs);
        to.Ss = Write(from.Ss);
        to.Ds = Write(from.Ds);
        to.Fs = Write(from.Fs);
        to.Gs = Write(from.Gs);
        to.Ldtr = Write(from.Ldtr);
        to.Tr = Write(from.Tr);
        to.Gdtr = new KvmDescriptorTable { Base = from.Gdtr.Base, Limit = (ushort)from.Gdtr.Limit };
        to.Idtr = new KvmDescriptorTable { Base = from.Idtr.Base, Limit = (ushort)from.Idtr.Limit };
        to.Cr0 = from.Cr0;
        to.Cr2 = from.Cr2;
        to.Cr3 = from.Cr3;
        to.Cr4 = from.Cr4;
        to.Cr8 = from.Cr8;
        to.Efer = from.Efer;
    }

    public static void FillMsrs(in CpuRegisters from, Span<KvmMsr> to)
    {
        to[0] = new KvmMsr { Index = 0xC000_0081, Value = from.Star };
        to[1] = new KvmMsr { Index = 0xC000_0082, Value = from.Lstar };
        to[2] = new KvmMsr { Index = 0xC000_0083, Value = from.Cstar };
        to[3] = new KvmMsr { Index = 0xC000_0084, Value = from.SyscallFlagMask };
        to[4] = new KvmMsr { Index = 0xC000_0102, Value = from.KernelGsBase };
        to[5] = new KvmMsr { Index = 0xC000_0103, Value = from.TscAux };
        to[6] = new KvmMsr { Index = 0x174, Value = from.SysenterCs };
        to[7] = new KvmMsr { Index = 0x175, Value = from.SysenterEsp };
        to[8] = new KvmMsr { Index = 0x176, Value = from.SysenterEip };
        to[9] = new KvmMsr { Index = 0x277, Value = from.Pat };
        to[10] = new KvmMsr { Index = 0x1A0, Value = from.MiscEnable };
        to[11] = new KvmMsr { Index = 0x48, Value = from.SpeculationControl };
        to[12] = new KvmMsr { Index = 0x3B, Value = from.TscAdjust };
    }

    public static void ReadMsrs(ReadOnlySpan<KvmMsr> from, ref CpuRegisters to)
    {
        to.Star = from[0].Value;
        to.Lstar = from[1].Value;
        to.Cstar = from[2].Value;
        to.SyscallFlagMask = from[3].Value;
        to.KernelGsBase = from[4].Value;
        to.TscAux = from[5].Value;
        to.SysenterCs = from[6].Value;
        to.SysenterEsp = from[7].Value;
        to.SysenterEip = from[8].Value;
        to.Pat = from[9].Value;
        to.MiscEnable = from[10].Value;
        to.SpeculationControl = from[11].Value;
        to.TscAdjust = from[12].Value;
    }

    private static SegmentRegister Read(in KvmSegment from) => new()
    {
        Base = from.Base,
        Limit = from.Limit,
        Selector = from.Selector,
        Attributes = from.Unusable != 0
            ? (ushort)0
            : (ushort)((from.Type & 0xF) | (from.System << 4) | (from.PrivilegeLevel << 5) | (from.Present << 7)
                | (from.Available << 12) | (from.Long << 13) | (from.DefaultSize << 14) | (from.Granularity << 15)),
    };

    private static KvmSegment Write(in SegmentRegister from) => new()
    {
        Base = from.Base,
        Limit = from.Limit,
        Selector = from.Selector,
        Type = (byte)(from.Attributes & 0xF),
        System = (byte)((from.Attributes >> 4) & 1),
        PrivilegeLevel = (byte)((from.Attributes >> 5) & 3),
        Present = (byte)((from.Attributes >> 7) & 1),
        Available = (byte)((from.Attributes >> 12) & 1),
        Long = (byte)((from.Attributes >> 13) & 1),
        DefaultSize = (byte)((from.Attributes >> 14) & 1),
        Granularity = (byte)((from.Attributes >> 15) & 1),
        Unusable = from.Attributes == 0 ? (byte)1 : (byte)0,
    };
}
