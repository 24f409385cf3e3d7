using System.Collections.Immutable;
using Nacelle.Control.Gdb;
using Nacelle.Cpu;
using Nacelle.Machine;

namespace Nacelle.Fuzz;

/// <summary>Lets the input be what gdb sends. Each run begins with packets that are right, so that checksums are not what is tested.</summary>
internal static class GdbTarget
{
    private const byte Frame = (byte)'\n';

    /// <summary>Runs one input: as it is, then again with each line framed as a packet.</summary>
    /// <exception cref="InvalidOperationException">The session asked for more than it may, or answers beyond a packet.</exception>
    public static void Run(ReadOnlySpan<byte> input)
    {
        new GdbSession(new Standing(), Check, _ => { }).Receive(input);
        GdbSession session = new(new Standing(), Check, _ => { });
        while (!input.IsEmpty)
        {
            int end = input.IndexOf(Frame);
            ReadOnlySpan<byte> line = end < 0 ? input : input[..end];
            input = end < 0 ? [] : input[(end + 1)..];
            session.Receive(GdbPacketWriter.Frame(System.Text.Encoding.Latin1.GetString(line)));
            session.Receive([3]);
        }
    }

    private static void Check(byte[] bytes)
    {
        if (bytes.Length > (2 * GdbPacketReader.LongestPacket) + 4)
        {
            throw new InvalidOperationException($"a reply has {bytes.Length} bytes");
        }
    }

    /// <summary>Three vCPUs and a page of memory.</summary>
    private sealed class Standing : IGdbTarget
    {
        private readonly byte[] _memory = new byte[4096];
        private readonly CpuRegisters[] _registers = new CpuRegisters[3];

        public int VirtualCpus => _registers.Length;

        public void Stop()
        {
        }

        public void Resume(ImmutableArray<VirtualCpuMotion> motions)
        {
            if (motions.Length != VirtualCpus || motions.All(motion => motion == VirtualCpuMotion.Stay))
            {
                throw new InvalidOperationException("a machine was resumed with nothing to do");
            }
        }

        public void Detach()
        {
        }

        public void Kill()
        {
        }

        public string? SetPoints(ImmutableArray<ulong> breakpoints, ImmutableArray<Watchpoint> watchpoints) =>
            breakpoints.Length <= GdbPoints.Most && watchpoints.Length <= GdbPoints.Most
                ? null
                : throw new InvalidOperationException("too many points");

        public GdbProcessorImage ReadRegisters(int virtualCpu) => new(_registers[virtualCpu], new byte[1088]);

        public bool TryWriteRegisters(int virtualCpu, GdbProcessorImage image)
        {
            _registers[virtualCpu] = image.Registers;
            return true;
        }

        public byte[] ReadMemory(int virtualCpu, ulong linear, int length) =>
            length > GdbPacketReader.LongestPacket
                ? throw new InvalidOperationException($"a read of {length} bytes")
                : linear < 4096 ? _memory[..Math.Min(length, 4096 - (int)linear)] : [];

        public bool TryWriteMemory(int virtualCpu, ulong linear, byte[] bytes) => linear == 0 && bytes.Length <= 4096;
    }
}
