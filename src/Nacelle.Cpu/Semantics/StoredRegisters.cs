namespace Nacelle.Cpu;

/// <summary>
/// Model-specific registers that a guest reads and writes but that change nothing here: memory types (caching is the
/// host's), machine-check banks, vendor configuration. Owned by the vCPU's thread.
/// </summary>
internal sealed class StoredRegisters
{
    private const int VariableRanges = 8;
    private const int MachineCheckBanks = 10;
    private const ulong MicrocodeRevision = 0x0100_0065;

    private readonly ulong[] _variable = new ulong[VariableRanges * 2];
    private readonly ulong[] _fixed = new ulong[11];
    private readonly ulong[] _machineCheck = new ulong[MachineCheckBanks * 4];
    private ulong _memoryTypeDefault;
    private ulong _machineCheckControl;
    private ulong _debugControl;

    internal static bool IsValidPageAttributes(ulong value)
    {
        for (int i = 0; i < 64; i += 8)
        {
            if (((value >> i) & 0xFF) is 2 or 3 or > 7)
            {
                return false;
            }
        }

        return true;
    }

    internal void Reset()
    {
        _variable.AsSpan().Clear();
        _fixed.AsSpan().Clear();
        _machineCheck.AsSpan().Clear();
        _memoryTypeDefault = 0;
        _machineCheckControl = 0;
        _debugControl = 0;
    }

    internal bool TryRead(uint index, ProcessorFeatures features, out ulong value)
    {
        value = 0;
        if (Slot(index, out ulong[] bank, out int position))
        {
            value = bank[position];
            return true;
        }

        switch (index)
        {
            case 0x17:
            case 0x2A:
            case 0x34:
            case 0x79:
            case 0xCD:
            case 0x19C:
            case 0x1C9:
            case 0x1DB:
            case 0x1DC:
            case 0x1DD:
            case 0x1DE:
                return !features.IsAmd || index is 0x1DB or 0x1DC or 0x1DD or 0x1DE;
            case 0x3A:
                // Locked with VMX and SGX off.
                value = 1;
                return !features.IsAmd;
            case 0x8B:
                value = features.IsAmd ? MicrocodeRevision : MicrocodeRevision << 32;
                return true;
            case 0xCE:
                return !features.IsAmd;
            case 0xFE:
                // MTRRcap: 8 variable ranges, fixed ranges, write-combining (SDM volume 3, 11.11.1).
                value = 0x500 | VariableRanges;
                return true;
            case 0x10A:
                return features.HasArchitecturalCapabilities;
            case 0x179:
                // MCG_CAP: the number of banks.
                value = MachineCheckBanks;
                return true;
            case 0x17A:
                return true;
            case 0x17B:
                value = _machineCheckControl;
                return true;
            case 0x1D9:
                value = _debugControl;
                return true;
            case 0x2FF:
                value = _memoryTypeDefault;
                return true;
            default:
                return features.IsAmd && TryReadAmd(index, features, out value);
        }
    }

    internal bool TryWrite(uint index, ulong value, ProcessorFeatures features)
    {
        if (Slot(index, out ulong[] bank, out int position))
        {
            if (ReferenceEquals(bank, _fixed) && !AreValidMemoryTypes(value))
            {
                return false;
            }

            if (ReferenceEquals(bank, _variable) && ((value & ~features.PhysicalAddressMask) != 0
                || (value & ((position & 1) == 0 ? 0xF00UL : 0x7FFUL)) != 0
                || ((position & 1) == 0 && !IsValidMemoryType(value & 0xFF))))
            {
                return false;
            }

            if (ReferenceEquals(bank, _machineCheck) && !IsValidMachineCheck(position & 3, value))
            {
                return false;
            }

            bank[position] = value;
            return true;
        }

        switch (index)
        {
            case 0x8B:
                // Written with zero before CPUID to have the microcode revision loaded (SDM volume 3, 9.11.7).
                return true;
            case 0x79:
                return true;
            case 0x17A:
                if (value != 0)
                {
                    return false;
                }

                return true;
            case 0x17B:
                _machineCheckControl = value;
                return true;
            case 0x1D9:
                if ((value & ~0x3FUL) != 0)
                {
                    return false;
                }

                _debugControl = value;
                return true;
            case 0x2FF:
                if ((value & ~0xCFFUL) != 0 || !IsValidMemoryType(value & 0xFF))
                {
                    return false;
                }

                _memoryTypeDefault = value;
                return true;
            default:
                return features.IsAmd && TryWriteAmd(index);
        }
    }

    /// <summary>
    /// A bank's control register takes all zeroes or ones, its status register only zeroes (SDM volume 3, 16.3.2). Kernels for
    /// AMD's processors leave bit 10 of a control register clear, against an erratum with the GART.
    /// </summary>
    private static bool IsValidMachineCheck(int register, ulong value) => register switch
    {
        0 => value == 0 || (value | (1 << 10)) == ulong.MaxValue,
        1 => value == 0,
        _ => true,
    };

    private static bool IsValidMemoryType(ulong type) => type is 0 or 1 or 4 or 5 or 6;

    private static bool AreValidMemoryTypes(ulong value)
    {
        for (int i = 0; i < 64; i += 8)
        {
            if (!IsValidMemoryType((value >> i) & 0xFF))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryReadAmd(uint index, ProcessorFeatures features, out ulong value)
    {
        value = 0;
        switch (index)
        {
            case 0xC001_0010:
                // SYSCFG: MtrrFixDramEn and friends off.
                return true;
            case 0xC001_0015:
                // HWCR: bit 24, the counter runs at P0 frequency, without which Linux doubts an invariant TSC.
                value = 1UL << 24;
                return true;
            case 0xC001_0064:
                // P-state 0: enabled, FID in 25 MHz units over DID 8, so that drivers that read it agree with the TSC.
                value = (1UL << 63) | (8UL << 8) | Math.Min(features.TimestampFrequency / 25_000_000, 0xFF);
                return true;
            case 0xC001_0114:
                // VM_CR: SVM disabled by firmware.
                value = 0x10;
                return true;
            default:
                return IsInertAmd(index);
        }
    }

    private static bool TryWriteAmd(uint index) =>
        index is 0xC001_0010 or 0xC001_0015 or 0xC001_0020 || IsInertAmd(index);

    /// <summary>Configuration that reads as zero and takes any write: what the bits would steer is the host's.</summary>
    private static bool IsInertAmd(uint index) => index is
        0xC001_0000 or 0xC001_0001 or 0xC001_0002 or 0xC001_0003
        or 0xC001_0004 or 0xC001_0005 or 0xC001_0006 or 0xC001_0007
        or (>= 0xC001_0016 and <= 0xC001_001F) or 0xC001_0055 or 0xC001_0061 or 0xC001_0062 or 0xC001_0063
        or 0xC001_0140 or 0xC001_0141 or (>= 0xC001_0200 and <= 0xC001_020B)
        or 0xC001_1020 or 0xC001_1021 or 0xC001_1022 or 0xC001_1023 or 0xC001_1028 or 0xC001_1029 or 0xC001_102A
        or 0xC001_102B or 0xC001_102C or 0xC001_102D or 0xC001_10E3 or 0xC000_010F
        or (>= 0xC001_1019 and <= 0xC001_101B) or 0xC001_1027;

    private bool Slot(uint index, out ulong[] bank, out int position)
    {
        switch (index)
        {
            case >= 0x200 and < 0x200 + (VariableRanges * 2):
                bank = _variable;
                position = (int)(index - 0x200);
                return true;
            case 0x250:
                bank = _fixed;
                position = 0;
                return true;
            case 0x258 or 0x259:
                bank = _fixed;
                position = (int)(index - 0x257);
                return true;
            case >= 0x268 and <= 0x26F:
                bank = _fixed;
                position = (int)(index - 0x265);
                return true;
            case >= 0x400 and < 0x400 + (MachineCheckBanks * 4):
                bank = _machineCheck;
                position = (int)(index - 0x400);
                return true;
            default:
                bank = [];
                position = 0;
                return false;
        }
    }
}
