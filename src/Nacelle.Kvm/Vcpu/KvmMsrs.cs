using Nacelle.Kvm.Interop;
using Nacelle.Linux;

namespace Nacelle.Kvm;

/// <summary>Model-specific registers of a vCPU, many in one call.</summary>
internal static unsafe class KvmMsrs
{
    public const uint TimestampCounter = 0x10;

    // The kernel takes fewer than this many in one call.
    private const int Batch = 200;

    /// <summary>The registers that the kernel says make up a vCPU's state.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static uint[] List(KvmHandle system)
    {
        const int room = 1024;
        uint[] buffer = new uint[1 + room];
        buffer[0] = room;
        fixed (uint* request = buffer)
        {
            system.Call(KvmRequest.GetMsrIndexList, request, "list the model-specific registers of KVM");
        }

        return buffer[1..(1 + (int)buffer[0])];
    }

    /// <summary>Reads; where the kernel refuses one, <paramref name="refused"/> hears of it and its value is 0.</summary>
    public static void Read(KvmHandle vcpu, Span<KvmMsr> registers, Action<int>? refused = null) =>
        Transfer(vcpu, KvmRequest.GetMsrs, registers, refused);

    /// <summary>Writes; where the kernel refuses one, <paramref name="refused"/> hears of it.</summary>
    public static void Write(KvmHandle vcpu, Span<KvmMsr> registers, Action<int>? refused = null) =>
        Transfer(vcpu, KvmRequest.SetMsrs, registers, refused);

    /// <summary>struct kvm_msrs: count, padding, entries. The kernel stops at the first register that it refuses.</summary>
    private static void Transfer(KvmHandle vcpu, uint operation, Span<KvmMsr> registers, Action<int>? refused)
    {
        byte* request = stackalloc byte[8 + (Batch * sizeof(KvmMsr))];
        Span<KvmMsr> entries = new(request + 8, Batch);
        int done = 0;
        while (done < registers.Length)
        {
            int count = Math.Min(registers.Length - done, Batch);
            *(ulong*)request = (ulong)count;
            registers.Slice(done, count).CopyTo(entries);
            int transferred = vcpu.Call(operation, request, "read or write model-specific registers");
            if (operation == KvmRequest.GetMsrs)
            {
                entries[..transferred].CopyTo(registers[done..]);
            }

            done += transferred;
            if (transferred < count)
            {
                if (operation == KvmRequest.GetMsrs)
                {
                    registers[done].Value = 0;
                }

                refused?.Invoke(done);
                done++;
            }
        }
    }
}
