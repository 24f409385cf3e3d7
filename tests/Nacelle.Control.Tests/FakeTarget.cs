using System.Collections.Immutable;
using Nacelle.Control.Gdb;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Control.Tests;

/// <summary>Two vCPUs that stand still, with memory at 0x1000 to 0x2FFF.</summary>
internal sealed class FakeTarget : IGdbTarget
{
    public const ulong MemoryStart = 0x1000;
    private readonly CpuRegisters[] _registers = new CpuRegisters[2];
    private readonly byte[][] _extended = [new byte[1088], new byte[1088]];

    public byte[] Memory { get; } = new byte[0x2000];

    public List<string> Calls { get; } = [];

    public string? Refusal { get; set; }

    public int VirtualCpus => 2;

    public CpuRegisters this[int index] => _registers[index];

    public byte[] Extended(int index) => _extended[index];

    public void Stop() => Calls.Add("stop");

    public void Resume(ImmutableArray<VirtualCpuMotion> motions) => Calls.Add($"resume {string.Join(' ', motions)}");

    public void Detach() => Calls.Add("detach");

    public void Kill() => Calls.Add("kill");

    public string? SetPoints(ImmutableArray<ulong> breakpoints, ImmutableArray<Watchpoint> watchpoints)
    {
        Calls.Add($"points {string.Join(' ', breakpoints.Order().Select(b => $"{b:x}"))}; {string.Join(' ', watchpoints.Select(w => $"{w.Kind} {w.Address:x}+{w.Length}"))}");
        return Refusal;
    }

    public GdbProcessorImage ReadRegisters(int virtualCpu) => new(_registers[virtualCpu], [.. _extended[virtualCpu]]);

    public bool TryWriteRegisters(int virtualCpu, GdbProcessorImage image)
    {
        _registers[virtualCpu] = image.Registers;
        image.Extended.CopyTo(_extended[virtualCpu], 0);
        return true;
    }

    public byte[] ReadMemory(int virtualCpu, ulong linear, int length)
    {
        Assert.InRange(length, 0, GdbPacketReader.LongestPacket);
        ulong offset = linear - MemoryStart;
        return offset >= (ulong)Memory.Length ? [] : Memory[(int)offset..(int)Math.Min(offset + (ulong)length, (ulong)Memory.Length)];
    }

    public bool TryWriteMemory(int virtualCpu, ulong linear, byte[] bytes)
    {
        ulong offset = linear - MemoryStart;
        if (offset > (ulong)Memory.Length || (ulong)bytes.Length > (ulong)Memory.Length - offset)
        {
            return false;
        }

        bytes.CopyTo(Memory, (int)offset);
        return true;
    }
}
