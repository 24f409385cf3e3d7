using Nacelle.Linux;

namespace Nacelle.Devices.Pci;

/// <summary>Turns guest writes to an address into a signal without leaving the host kernel, where the accelerator can (ioeventfd).</summary>
/// <remarks>Called on vCPU threads under a function's lock.</remarks>
public interface IDoorbellBinder
{
    /// <summary>Binds; where it refuses, the write arrives as an ordinary register write and signals from there.</summary>
    /// <param name="address">Guest-physical address.</param>
    /// <param name="size">Bytes of the write.</param>
    /// <param name="doorbell">What to signal.</param>
    bool TryBind(ulong address, int size, EventFileDescriptor doorbell);

    /// <summary>Undoes a bind that succeeded.</summary>
    void Unbind(ulong address, int size, EventFileDescriptor doorbell);
}
