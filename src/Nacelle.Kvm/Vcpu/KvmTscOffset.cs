using Nacelle.Kvm.Interop;

namespace Nacelle.Kvm;

/// <summary>Guest TSC minus host TSC as an attribute of a vCPU (Linux 5.16; KVM devices, vcpu, 4.1).</summary>
internal static unsafe class KvmTscOffset
{
    public static bool IsSupported(KvmHandle vcpu)
    {
        KvmDeviceAttribute request = default;
        return vcpu.Try(KvmRequest.HasDeviceAttribute, &request) == 0;
    }

    public static ulong Read(KvmHandle vcpu)
    {
        ulong offset;
        KvmDeviceAttribute request = new() { Address = (ulong)&offset };
        vcpu.Call(KvmRequest.GetDeviceAttribute, &request, "read a vCPU's TSC offset");
        return offset;
    }

    public static void Write(KvmHandle vcpu, ulong offset)
    {
        KvmDeviceAttribute request = new() { Address = (ulong)&offset };
        vcpu.Call(KvmRequest.SetDeviceAttribute, &request, "set a vCPU's TSC offset");
    }
}
