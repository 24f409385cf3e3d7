using Nacelle.Memory;

namespace Nacelle.Devices.Pci;

/// <summary>The host bridge of the Q35 chipset: 00:00.0, and the two ways into configuration space.</summary>
/// <remarks>The address latch of port 0xCF8 is atomic; all else is the functions'.</remarks>
public sealed class PciHostBridge : PciFunction
{
    /// <summary>Where ECAM lies.</summary>
    public const ulong EcamStart = 0xB000_0000;

    /// <summary>Bytes of ECAM: 256 buses of 1 MiB.</summary>
    public const ulong EcamLength = 256UL << 20;

    private readonly PciBus _bus;
    private readonly Action<byte>? _resetControl;
    private uint _address;

    /// <summary>Puts the bridge on the bus, ECAM in memory and ports 0xCF8 to 0xCFF in the port space.</summary>
    /// <param name="bus">The root bus.</param>
    /// <param name="memory">The machine's memory address space.</param>
    /// <param name="ports">The machine's port address space.</param>
    /// <param name="resetControl">Takes byte writes to port 0xCF9, which lies inside the bridge's ports; null to ignore them.</param>
    public PciHostBridge(PciBus bus, AddressSpace memory, AddressSpace ports, Action<byte>? resetControl)
        : base("q35 host bridge", new PciIdentity(0x8086, 0x29C0, 0x0600, SubsystemVendor: 0x1AF4, Subsystem: 0x1100))
    {
        ArgumentNullException.ThrowIfNull(bus);
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(ports);
        _bus = bus;
        _resetControl = resetControl;

        // PCIEXBAR: ECAM enabled, 256 MiB.
        Declare32(0x60, (uint)EcamStart | 1);
        bus.Add(this, 0);
        memory.Map(EcamStart, EcamLength, "PCI ECAM", new Ecam(bus));
        ports.Map(0xCF8, 8, "PCI configuration ports", new Ports(this));
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        Volatile.Write(ref _address, 0);
        base.Reset();
    }

    /// <summary>PCI Express 5.0, 7.2.2: the address is the register.</summary>
    private sealed class Ecam(PciBus bus) : IAddressRangeHandler
    {
        public ulong Read(ulong offset, int size) => size == 8
            ? bus.ReadConfiguration((uint)offset, 4) | ((ulong)bus.ReadConfiguration((uint)offset + 4, 4) << 32)
            : bus.ReadConfiguration((uint)offset, size);

        public void Write(ulong offset, int size, ulong value)
        {
            bus.WriteConfiguration((uint)offset, Math.Min(size, 4), (uint)value);
            if (size == 8)
            {
                bus.WriteConfiguration((uint)offset + 4, 4, (uint)(value >> 32));
            }
        }
    }

    /// <summary>PCI 3.0, 3.2.2.3.2: latch an address at 0xCF8, then access 0xCFC.</summary>
    private sealed class Ports(PciHostBridge bridge) : IAddressRangeHandler
    {
        private const uint Enable = 0x8000_0000;

        public ulong Read(ulong offset, int size)
        {
            uint address = Volatile.Read(ref bridge._address);
            if (offset < 4)
            {
                return offset == 0 && size == 4 ? address : size == 4 ? 0 : (address >> ((int)offset * 8)) & ((1u << (size * 8)) - 1);
            }

            return (address & Enable) == 0 || size > 4
                ? ulong.MaxValue >> (64 - (size * 8))
                : bridge._bus.ReadConfiguration(ToEcam(address, offset), size);
        }

        public void Write(ulong offset, int size, ulong value)
        {
            if (offset == 0 && size == 4)
            {
                Volatile.Write(ref bridge._address, (uint)value & 0x80FF_FFFC);
            }
            else if (offset == 1 && size == 1)
            {
                bridge._resetControl?.Invoke((byte)value);
            }
            else if (offset >= 4 && size <= 4)
            {
                uint address = Volatile.Read(ref bridge._address);
                if ((address & Enable) != 0)
                {
                    bridge._bus.WriteConfiguration(ToEcam(address, offset), size, (uint)value);
                }
            }
        }

        private static uint ToEcam(uint address, ulong offset) =>
            ((address & 0x00FF_FF00) << 4) | (address & 0xFC) | ((uint)offset & 3);
    }
}
