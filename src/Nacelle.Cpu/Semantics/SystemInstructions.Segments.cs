namespace Nacelle.Cpu;

/// <content>Loads of segment registers (SDM volume 2, MOV; volume 3, 5.5 to 5.8).</content>
public sealed unsafe partial class SystemInstructions
{
    private const ushort RealModeData = 0x93;

    /// <summary>MOV to, POP and LxS of ES, SS, DS, FS and GS.</summary>
    /// <param name="name">ES, SS, DS, FS or GS. CS raises #UD.</param>
    /// <param name="selector">The selector, or the paragraph in real mode.</param>
    public bool LoadSegment(SegmentName name, ushort selector)
    {
        if (name is SegmentName.Cs or > SegmentName.Gs)
        {
            return FailUndefined();
        }

        if (!IsProtected)
        {
            ref SegmentRegister real = ref _registers->Segment(name);
            real.Selector = selector;
            real.Base = (ulong)selector << 4;
            if (!real.IsPresent)
            {
                // A null selector of protected mode had left nothing; otherwise limit and type stay (SDM volume 3, 9.9.2).
                real.Limit = 0xFFFF;
                real.Attributes = RealModeData;
            }

            FinishSegmentLoad(name);
            return true;
        }

        if (!TryLookUpData(name, selector, out SegmentRegister loaded))
        {
            return false;
        }

        _registers->Segment(name) = loaded;
        FinishSegmentLoad(name);
        return true;
    }

    private void FinishSegmentLoad(SegmentName name)
    {
        if (name == SegmentName.Ss)
        {
            InterruptShadow = true;
        }

        if (!Is64Bit)
        {
            _environment.ModeChanged();
        }
    }

    private bool TryLookUpData(SegmentName name, ushort selector, out SegmentRegister loaded)
    {
        int current = CurrentPrivilegeLevel;
        int requested = selector & 3;
        if ((selector & ~3) == 0)
        {
            loaded = new SegmentRegister { Selector = selector };
            if (name != SegmentName.Ss)
            {
                return true;
            }

            // A null SS is for 64-bit code below ring 3 only; it keeps the privilege level (SDM volume 2, MOV).
            if (Is64Bit && current != 3 && requested == current)
            {
                loaded.Attributes = (ushort)(current << 5);
                return true;
            }

            return FailGeneralProtection();
        }

        loaded = default;
        if (!TryReadDescriptor(selector, Fault.GeneralProtection, 0, out Descriptor descriptor))
        {
            return false;
        }

        uint code = selector & ~3u;
        if (name == SegmentName.Ss)
        {
            if (requested != current || !descriptor.IsWritableData || descriptor.PrivilegeLevel != current)
            {
                return FailGeneralProtection(code);
            }

            if (!descriptor.IsPresent)
            {
                return Fail(new Fault(Fault.StackFault, true, code));
            }
        }
        else
        {
            if (!descriptor.IsReadable
                || (!descriptor.IsConforming && descriptor.PrivilegeLevel < Math.Max(requested, current)))
            {
                return FailGeneralProtection(code);
            }

            if (!descriptor.IsPresent)
            {
                return Fail(new Fault(Fault.SegmentNotPresent, true, code));
            }
        }

        if (!SetAccessed(selector, descriptor))
        {
            return false;
        }

        loaded = descriptor.ToRegister(selector);
        return true;
    }

    /// <summary>Reads the first 8 bytes of a descriptor; a selector beyond its table raises the given vector.</summary>
    private bool TryReadDescriptor(ushort selector, byte vector, uint external, out Descriptor descriptor)
    {
        descriptor = default;
        if (!TryLocateDescriptor(selector, 8, out ulong address))
        {
            return Fail(new Fault(vector, true, (selector & ~3u) | external));
        }

        if (!ReadTable(address, 8, out ulong low))
        {
            return false;
        }

        descriptor = new Descriptor(low);
        return true;
    }

    private bool TryLocateDescriptor(ushort selector, uint size, out ulong address)
    {
        uint offset = selector & ~7u;
        if ((selector & 4) != 0)
        {
            address = _registers->Ldtr.Base + offset;
            return (_registers->Ldtr.Attributes & 0x80) != 0 && offset + size - 1 <= _registers->Ldtr.Limit;
        }

        address = _registers->Gdtr.Base + offset;
        return offset + size - 1 <= _registers->Gdtr.Limit;
    }

    private bool SetAccessed(ushort selector, Descriptor descriptor)
    {
        if (descriptor.IsAccessed || !TryLocateDescriptor(selector, 8, out ulong address))
        {
            return true;
        }

        return _memory.TryWrite(address + 5, 1, LinearAccess.ImplicitSupervisor, ((descriptor.Low >> 40) & 0xFF) | 1);
    }

    /// <summary>Installs a code segment with the privilege level <paramref name="privilege"/>.</summary>
    private void SetCode(ushort selector, Descriptor descriptor, int privilege)
    {
        SegmentRegister code = descriptor.ToRegister((ushort)((selector & ~3) | privilege));
        if (_registers->IsLongModeActive && code.IsLong)
        {
            code.Base = 0;
        }

        _registers->Cs = code;
    }

    /// <summary>A null SS that still carries the privilege level, as an inter-privilege transfer in long mode leaves it.</summary>
    private void SetNullStack(int privilege) => _registers->Ss = new SegmentRegister
    {
        Selector = (ushort)privilege,
        Attributes = (ushort)(privilege << 5),
    };

    private void SetRealCode(ushort selector)
    {
        _registers->Cs.Selector = selector;
        _registers->Cs.Base = (ulong)selector << 4;
    }

    /// <summary>After a return to an outer ring: drops data segments that it may not use (SDM volume 3, 5.8.6).</summary>
    private void DropInnerSegments(int privilege)
    {
        Drop(ref _registers->Es, privilege);
        Drop(ref _registers->Ds, privilege);
        Drop(ref _registers->Fs, privilege);
        Drop(ref _registers->Gs, privilege);

        static void Drop(ref SegmentRegister segment, int privilege)
        {
            bool conforming = (segment.Attributes & 0x1C) == 0x1C;
            if (segment.Attributes != 0 && !conforming && segment.DescriptorPrivilegeLevel < privilege)
            {
                segment.Selector = 0;
                segment.Attributes = 0;
            }
        }
    }
}
