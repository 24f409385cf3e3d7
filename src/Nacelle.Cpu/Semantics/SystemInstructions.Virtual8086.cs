namespace Nacelle.Cpu;

/// <content>Virtual-8086 mode without its extensions (SDM volume 3, chapter 20).</content>
public sealed unsafe partial class SystemInstructions
{
    private const ushort Virtual8086Segment = 0xF3;

    /// <summary>Whether INT n, IRET, PUSHF and POPF may be executed: in virtual-8086 mode with IOPL 3 only, elsewhere always.</summary>
    public bool CheckVirtual8086()
    {
        const int leastPrivileged = 3;
        return (_registers->Rflags & RflagsBits.Virtual8086) == 0 || IoPrivilegeLevel == leastPrivileged || FailGeneralProtection();
    }

    /// <summary>The rest of an IRET whose flags have VM, at privilege level 0 with 32-bit operands (SDM volume 2, IRET).</summary>
    private bool ReturnToVirtual8086(StackCursor stack, ulong rip, ushort code, ulong flags)
    {
        const int size = 4;
        if (!stack.Pop(size, out ulong pointer) || !stack.Pop(size, out ulong stackSegment) || !stack.Pop(size, out ulong es)
            || !stack.Pop(size, out ulong ds) || !stack.Pop(size, out ulong fs) || !stack.Pop(size, out ulong gs))
        {
            return false;
        }

        if (rip > ushort.MaxValue)
        {
            return FailGeneralProtection();
        }

        LoadFlags(flags, size, 0, true);
        _registers->Rflags |= RflagsBits.Virtual8086;
        _registers->Rip = rip;
        Gpr(GeneralRegister.Rsp) = (uint)pointer;
        SetVirtual8086(SegmentName.Cs, code);
        SetVirtual8086(SegmentName.Ss, (ushort)stackSegment);
        SetVirtual8086(SegmentName.Es, (ushort)es);
        SetVirtual8086(SegmentName.Ds, (ushort)ds);
        SetVirtual8086(SegmentName.Fs, (ushort)fs);
        SetVirtual8086(SegmentName.Gs, (ushort)gs);
        return true;
    }

    private void SetVirtual8086(SegmentName name, ushort selector) => _registers->Segment(name) = new SegmentRegister
    {
        Selector = selector,
        Base = (ulong)selector << 4,
        Limit = 0xFFFF,
        Attributes = Virtual8086Segment,
    };
}
