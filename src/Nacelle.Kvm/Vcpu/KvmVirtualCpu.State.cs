using Nacelle.Cpu;
using Nacelle.Kvm.Interop;
using Nacelle.Linux;

namespace Nacelle.Kvm;

/// <content>Registers, to and from the kernel's structures.</content>
public sealed unsafe partial class KvmVirtualCpu
{
    /// <summary>Bytes of the vCPU's XSAVE image.</summary>
    public int ExtendedStateBytes { get; }

    /// <inheritdoc/>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void Reset()
    {
        _completionPending = false;
        _powerOn.Write(_handle);
    }

    /// <inheritdoc/>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void ReadState(out CpuRegisters registers)
    {
        registers = default;
        KvmRegisters general;
        KvmSystemRegisters system;
        KvmDebugRegisters debug;
        KvmExtendedControls controls;
        const string operation = "read a vCPU's registers";
        _handle.Call(KvmRequest.GetRegisters, &general, operation);
        _handle.Call(KvmRequest.GetSystemRegisters, &system, operation);
        _handle.Call(KvmRequest.GetDebugRegisters, &debug, operation);
        _handle.Call(KvmRequest.GetXcrs, &controls, operation);
        Span<KvmMsr> msrs = stackalloc KvmMsr[KvmRegisterMap.Msrs];
        KvmRegisterMap.FillMsrs(registers, msrs);
        KvmMsrs.Read(_handle, msrs);

        KvmRegisterMap.ReadGeneral(general, ref registers);
        KvmRegisterMap.ReadSystem(system, ref registers);
        KvmRegisterMap.ReadMsrs(msrs, ref registers);
        registers.Xcr0 = controls.Value;
        for (int i = 0; i < 4; i++)
        {
            registers.Debug[i] = debug.Breakpoints[i];
        }

        registers.Debug[6] = debug.Dr6;
        registers.Debug[7] = debug.Dr7;
        registers.TscOffset = _controlsTscOffset ? KvmTscOffset.Read(_handle) : EstimateTscOffset();
    }

    /// <inheritdoc/>
    /// <exception cref="LinuxException">
    /// The host refused: the registers contradict each other, or hold a bit that the vCPU's CPUID does not offer.
    /// </exception>
    public void WriteState(in CpuRegisters registers)
    {
        KvmSystemRegisters system;
        _handle.Call(KvmRequest.GetSystemRegisters, &system, "read a vCPU's registers");
        KvmRegisterMap.WriteSystem(registers, ref system);
        _handle.Call(KvmRequest.SetSystemRegisters, &system, "set a vCPU's segment and control registers");

        // Bit 0 of XCR0 is always set (SDM volume 1, 13.3).
        KvmExtendedControls controls = new() { Count = 1, Value = registers.Xcr0 | 1 };
        _handle.Call(KvmRequest.SetXcrs, &controls, "set a vCPU's XCR0");
        WriteMsrs(registers);
        WriteDebug(registers);
        if (_controlsTscOffset && registers.TscOffset != KvmTscOffset.Read(_handle))
        {
            KvmTscOffset.Write(_handle, registers.TscOffset);
        }

        KvmRegisterMap.WriteGeneral(registers, out KvmRegisters general);
        _handle.Call(KvmRequest.SetRegisters, &general, "set a vCPU's general registers");
    }

    /// <summary>Reads x87, vector and further XSAVE state in the standard format (SDM volume 1, 13.4).</summary>
    /// <param name="image">At least <see cref="ExtendedStateBytes"/>.</param>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void ReadExtendedState(Span<byte> image)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(image.Length, ExtendedStateBytes, nameof(image));
        fixed (byte* request = image)
        {
            uint operation = ExtendedStateBytes > 4096 ? KvmRequest.GetXsave2 : KvmRequest.GetXsave;
            _handle.Call(operation, request, "read a vCPU's extended state");
        }
    }

    /// <summary>Replaces x87, vector and further XSAVE state.</summary>
    /// <param name="image">At least <see cref="ExtendedStateBytes"/>, in the standard format.</param>
    /// <exception cref="LinuxException">The host refused: the image holds what the vCPU has not.</exception>
    public void WriteExtendedState(ReadOnlySpan<byte> image)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(image.Length, ExtendedStateBytes, nameof(image));
        fixed (byte* request = image)
        {
            _handle.Call(KvmRequest.SetXsave, request, "set a vCPU's extended state");
        }
    }

    /// <summary>Reads a model-specific register.</summary>
    /// <returns>False where KVM has none of that number.</returns>
    public bool TryReadModelSpecificRegister(uint index, out ulong value)
    {
        Span<KvmMsr> request = [new KvmMsr { Index = index }];
        bool known = true;
        KvmMsrs.Read(_handle, request, _ => known = false);
        value = request[0].Value;
        return known;
    }

    /// <summary>Writes a model-specific register as the monitor, which may set what the guest may not.</summary>
    /// <returns>False where KVM refuses number or value.</returns>
    public bool TryWriteModelSpecificRegister(uint index, ulong value)
    {
        Span<KvmMsr> request = [new KvmMsr { Index = index, Value = value }];
        bool accepted = true;
        KvmMsrs.Write(_handle, request, _ => accepted = false);
        return accepted;
    }

    private ulong EstimateTscOffset() =>
        TryReadModelSpecificRegister(KvmMsrs.TimestampCounter, out ulong guest) ? guest - HostTimestamp.Read() : 0;

    private void WriteMsrs(in CpuRegisters registers)
    {
        Span<KvmMsr> msrs = stackalloc KvmMsr[KvmRegisterMap.Msrs];
        KvmRegisterMap.FillMsrs(registers, msrs);
        KvmMsr[] copy = msrs.ToArray();

        // A register that the vCPU's CPUID does not offer cannot be set; that loses nothing while it is to be zero.
        KvmMsrs.Write(_handle, msrs, index =>
        {
            if (copy[index].Value != 0)
            {
                const int invalid = 22;
                throw new LinuxException(
                    $"set model-specific register 0x{copy[index].Index:x} of a vCPU to 0x{copy[index].Value:x}", invalid);
            }
        });
    }

    private void WriteDebug(in CpuRegisters registers)
    {
        KvmDebugRegisters debug = default;
        for (int i = 0; i < 4; i++)
        {
            debug.Breakpoints[i] = registers.Debug[i];
        }

        debug.Dr6 = registers.Debug[6];
        debug.Dr7 = registers.Debug[7];
        _handle.Call(KvmRequest.SetDebugRegisters, &debug, "set a vCPU's debug registers");
    }
}
