using System.Runtime.CompilerServices;
using Nacelle.Memory;

namespace Nacelle.Cpu;

/// <summary>
/// The kvmclock and steal-time pages of one vCPU (kernel documentation "KVM-specific MSRs" and "Paravirtualized clock").
/// Owned by the vCPU's thread.
/// </summary>
/// <param name="ram">Where the guest has its pages.</param>
/// <param name="frequency">Of the guest's time-stamp counter, in Hz.</param>
public sealed unsafe class ParavirtualClock(GuestMemory ram, ulong frequency)
{
    private const byte StableFlag = 1;
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    // One origin for all vCPUs: the guest compares their clocks with each other, and the stable flag promises that they
    // agree to the nanosecond. The pair is immutable and published once.
    private static readonly Origin _origin = Origin.Take();

    private readonly (uint Multiplier, sbyte Shift) _scale = Scale(frequency);

    /// <summary>The host's counter when the clocks began; guest counters begin at zero there.</summary>
    internal static ulong OriginTimestamp => _origin.Timestamp;

    /// <summary>MSR 0x4b564d01 or 0x12: address of the time page, bit 0 for enabled.</summary>
    public ulong SystemTimeRegister { get; private set; }

    /// <summary>MSR 0x4b564d00 or 0x11: address of the wall clock.</summary>
    public ulong WallClockRegister { get; private set; }

    /// <summary>MSR 0x4b564d03: address of the steal-time record, bit 0 for enabled.</summary>
    public ulong StealTimeRegister { get; private set; }

    /// <summary>Sets the time page and writes it; an address outside RAM raises #GP.</summary>
    /// <param name="value">The register's new value.</param>
    /// <param name="tscOffset">Guest TSC minus host TSC.</param>
    /// <returns>False for #GP.</returns>
    public bool TrySetSystemTime(ulong value, ulong tscOffset)
    {
        if ((value & 1) != 0 && ((value & 2) != 0 || !ram.TryGetHostAddress(value & ~3UL, 32, out _)))
        {
            return false;
        }

        SystemTimeRegister = value;
        Refresh(tscOffset);
        return true;
    }

    /// <summary>Writes the wall clock at boot, as seconds and nanoseconds since 1970, where the guest asks for it.</summary>
    /// <returns>False for #GP.</returns>
    public bool TrySetWallClock(ulong value)
    {
        if (value == 0)
        {
            WallClockRegister = 0;
            return true;
        }

        if (!ram.TryGetHostAddress(value, 12, out byte* host))
        {
            return false;
        }

        WallClockRegister = value;
        uint version = (Unsafe.ReadUnaligned<uint>(host) & ~1u) + 2;
        Unsafe.WriteUnaligned(host, version - 1);
        Thread.MemoryBarrier();
        Unsafe.WriteUnaligned(host + 4, (uint)(_origin.WallNanoseconds / (long)NanosecondsPerSecond));
        Unsafe.WriteUnaligned(host + 8, (uint)(_origin.WallNanoseconds % (long)NanosecondsPerSecond));
        Thread.MemoryBarrier();
        Unsafe.WriteUnaligned(host, version);
        ram.NotifyWritten(value, 12);
        return true;
    }

    /// <summary>Sets the steal-time record; reserved bits and addresses outside RAM raise #GP.</summary>
    /// <returns>False for #GP.</returns>
    public bool TrySetStealTime(ulong value)
    {
        if ((value & 0x3E) != 0 || ((value & 1) != 0 && !ram.TryGetHostAddress(value & ~0x3FUL, 64, out _)))
        {
            return false;
        }

        StealTimeRegister = value;
        UpdateStealTime(0);
        return true;
    }

    /// <summary>Adds time that the vCPU was ready to run and did not; does nothing when the guest has not asked.</summary>
    /// <param name="nanoseconds">Stolen since the last call.</param>
    public void UpdateStealTime(ulong nanoseconds)
    {
        ulong address = StealTimeRegister & ~0x3FUL;
        if ((StealTimeRegister & 1) == 0 || !ram.TryGetHostAddress(address, 64, out byte* host))
        {
            return;
        }

        // Record: steal (u64), version (u32), flags (u32). An odd version marks an update under way.
        uint version = Unsafe.ReadUnaligned<uint>(host + 8) & ~1u;
        Unsafe.WriteUnaligned(host + 8, version + 1);
        Thread.MemoryBarrier();
        Unsafe.WriteUnaligned(host, Unsafe.ReadUnaligned<ulong>(host) + nanoseconds);
        Unsafe.WriteUnaligned(host + 12, 0u);
        Thread.MemoryBarrier();
        Unsafe.WriteUnaligned(host + 8, version + 2);
        ram.NotifyWritten(address, 16);
    }

    /// <summary>Writes the time page again, after the guest's TSC was moved.</summary>
    /// <param name="tscOffset">Guest TSC minus host TSC.</param>
    public void Refresh(ulong tscOffset)
    {
        ulong address = SystemTimeRegister & ~3UL;
        if ((SystemTimeRegister & 1) == 0 || !ram.TryGetHostAddress(address, 32, out byte* host))
        {
            return;
        }

        // Record: version, pad, tsc_timestamp (u64), system_time (u64), tsc_to_system_mul, tsc_shift (i8), flags (u8).
        uint version = Unsafe.ReadUnaligned<uint>(host) & ~1u;
        Unsafe.WriteUnaligned(host, version + 1);
        Thread.MemoryBarrier();
        Unsafe.WriteUnaligned(host + 4, 0u);
        Unsafe.WriteUnaligned(host + 8, _origin.Timestamp + tscOffset);
        Unsafe.WriteUnaligned(host + 16, 0UL);
        Unsafe.WriteUnaligned(host + 24, _scale.Multiplier);
        host[28] = (byte)_scale.Shift;
        host[29] = StableFlag;
        Thread.MemoryBarrier();
        Unsafe.WriteUnaligned(host, version + 2);
        ram.NotifyWritten(address, 32);
    }

    /// <summary>Back to the state after power-on.</summary>
    public void Reset()
    {
        SystemTimeRegister = 0;
        WallClockRegister = 0;
        StealTimeRegister = 0;
    }

    /// <summary>nanoseconds = ((ticks shifted left by shift) × multiplier) ÷ 2^32, the multiplier as large as fits.</summary>
    internal static (uint Multiplier, sbyte Shift) Scale(ulong frequency)
    {
        UInt128 numerator = (UInt128)NanosecondsPerSecond << 32;
        int shift = 0;
        ulong hertz = Math.Max(frequency, 1);
        UInt128 multiplier = numerator / hertz;
        while (multiplier > uint.MaxValue)
        {
            shift++;
            multiplier = numerator / ((UInt128)hertz << shift);
        }

        while (multiplier <= int.MaxValue && shift > -31)
        {
            shift--;
            multiplier = (numerator << -shift) / hertz;
        }

        return ((uint)multiplier, (sbyte)shift);
    }

    private sealed record Origin(ulong Timestamp, long WallNanoseconds)
    {
        internal static Origin Take() =>
            new(HostTimestamp.Read(), (DateTimeOffset.UtcNow.Ticks - DateTimeOffset.UnixEpoch.Ticks) * 100);
    }
}
