using System.Runtime.InteropServices;

namespace Nacelle.Kvm.Interop;

/// <summary>struct kvm_run: the page that the host kernel shares with the thread that runs a vCPU.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal unsafe struct KvmRunArea
{
    [FieldOffset(1)]
    public byte ImmediateExit;

    [FieldOffset(8)]
    public uint ExitReason;

    [FieldOffset(32)]
    public byte PortDirection;

    [FieldOffset(33)]
    public byte PortSize;

    [FieldOffset(34)]
    public ushort Port;

    [FieldOffset(36)]
    public uint PortCount;

    [FieldOffset(40)]
    public ulong PortDataOffset;

    [FieldOffset(32)]
    public ulong MemoryAddress;

    [FieldOffset(40)]
    public fixed byte MemoryData[8];

    [FieldOffset(48)]
    public uint MemoryLength;

    [FieldOffset(52)]
    public byte MemoryIsWrite;

    [FieldOffset(32)]
    public uint DebugException;

    [FieldOffset(40)]
    public ulong DebugProgramCounter;

    [FieldOffset(48)]
    public ulong DebugStatus;

    [FieldOffset(32)]
    public ulong HardwareReason;

    [FieldOffset(32)]
    public uint SubReason;

    [FieldOffset(36)]
    public uint DataCount;

    [FieldOffset(40)]
    public fixed ulong Data[16];

    [FieldOffset(48)]
    public byte InstructionSize;

    [FieldOffset(49)]
    public fixed byte Instruction[15];
}

/// <summary>Values of <see cref="KvmRunArea.ExitReason"/>.</summary>
internal static class KvmExit
{
    public const uint Port = 2;
    public const uint Debug = 4;
    public const uint Halt = 5;
    public const uint Memory = 6;
    public const uint Shutdown = 8;
    public const uint FailEntry = 9;
    public const uint Interrupted = 10;
    public const uint InternalError = 17;
    public const uint SystemEvent = 24;
    public const uint DirtyRingFull = 31;
}
