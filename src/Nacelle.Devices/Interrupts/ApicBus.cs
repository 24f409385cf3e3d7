using Nacelle.Memory;

namespace Nacelle.Devices.Interrupts;

/// <summary>
/// Connects LAPICs, the IOAPIC, message-signalled interrupts and the 8259 pair, and gives each vCPU the window to its own LAPIC
/// at 0xFEE00000 or where it moved it.
/// </summary>
/// <remarks>Thread safe. Parts are added before the first vCPU runs.</remarks>
public sealed class ApicBus : IMessageInterruptTarget
{
    /// <summary>Guest-physical address of the LAPICs' registers.</summary>
    public const ulong WindowAddress = 0xFEE0_0000;

    /// <summary>Bytes of the LAPICs' registers.</summary>
    public const ulong WindowLength = 0x1000;

    private readonly Lock _placing = new();
    private readonly HashSet<ulong> _windows = [];
    private AddressSpace? _memory;
    private LocalApic[] _locals = [];
    private Action<byte>? _endOfInterrupt;
    private Func<int>? _acknowledgeExternal;
    private int _turn;

    /// <inheritdoc/>
    public void Send(ulong address, uint data)
    {
        if (address >> 20 == 0xFEE)
        {
            Deliver(new InterruptMessage(
                (uint)(address >> 12) & 0xFF,
                (address & 4) != 0,
                (DeliveryMode)((data >> 8) & 7),
                (byte)data,
                (data & 0x8000) != 0));
        }
    }

    /// <summary>Delivers to the LAPICs that a message names.</summary>
    public void Deliver(in InterruptMessage message)
    {
        if (message.Mode == DeliveryMode.LowestPriority)
        {
            DeliverToOne(message);
            return;
        }

        foreach (LocalApic local in _locals)
        {
            if (local.Matches(message.Destination, message.IsLogical))
            {
                local.Receive(message);
            }
        }
    }

    /// <summary>Places the LAPICs' window.</summary>
    public void Map(AddressSpace memory)
    {
        ArgumentNullException.ThrowIfNull(memory);
        _memory = memory;
        _ = TryPlace(WindowAddress);
    }

    /// <summary>Names what hears of the end of level-triggered interrupts: the IOAPIC.</summary>
    public void OnEndOfInterrupt(Action<byte> listener) => _endOfInterrupt = listener;

    /// <summary>Names where vectors of the 8259 pair come from.</summary>
    public void OnAcknowledgeExternal(Func<int> source) => _acknowledgeExternal = source;

    /// <summary>The 8259 pair's output: LINT0 of the bootstrap processor.</summary>
    public void SetExternal(bool asserted)
    {
        if (_locals.Length != 0)
        {
            _locals[0].SetExternal(asserted);
        }
    }

    /// <summary>Makes sure that there is a window at an address.</summary>
    /// <param name="address">Guest-physical, page aligned.</param>
    /// <returns>False where another device lies there.</returns>
    internal bool TryPlace(ulong address)
    {
        if (_memory is not { } memory)
        {
            return address == WindowAddress;
        }

        lock (_placing)
        {
            if (!_windows.Contains(address))
            {
                if (!memory.TryMap(address, WindowLength, "LAPIC", new Window(this, address)))
                {
                    return false;
                }

                _windows.Add(address);
            }
        }

        return true;
    }

    /// <summary>Takes away the windows that no LAPIC uses any more.</summary>
    internal void RemoveUnused()
    {
        lock (_placing)
        {
            foreach (ulong unused in _windows.Where(window => !IsUsed(window)).ToArray())
            {
                _memory!.Unmap(unused);
                _windows.Remove(unused);
            }
        }
    }

    internal void Add(LocalApic local) => _locals = [.. _locals, local];

    internal void DeliverToAll(in InterruptMessage message, LocalApic? except)
    {
        foreach (LocalApic local in _locals)
        {
            if (local != except)
            {
                local.Receive(message);
            }
        }
    }

    internal bool TryDeliver(uint identifier, in InterruptMessage message)
    {
        foreach (LocalApic local in _locals)
        {
            if (local.Id == identifier)
            {
                local.Receive(message);
                return true;
            }
        }

        return false;
    }

    internal void EndOfInterrupt(byte vector) => _endOfInterrupt?.Invoke(vector);

    internal int AcknowledgeExternal() => _acknowledgeExternal?.Invoke() ?? -1;

    /// <summary>Takes turns among the destinations; the architecture leaves the choice open (SDM volume 3, 11.6.2.4).</summary>
    private void DeliverToOne(in InterruptMessage message)
    {
        int start = Interlocked.Increment(ref _turn);
        for (int i = 0; i < _locals.Length; i++)
        {
            LocalApic local = _locals[(int)((uint)(start + i) % (uint)_locals.Length)];
            if (local.Accepts && local.Matches(message.Destination, message.IsLogical))
            {
                local.Receive(message);
                return;
            }
        }
    }

    /// <summary>The first window stays, for vCPUs that have not moved theirs.</summary>
    private bool IsUsed(ulong address) => address == WindowAddress || _locals.Any(local => local.WindowAddress == address);

    /// <summary>The registers of whichever vCPU asks, if it has its window here.</summary>
    private sealed class Window(ApicBus bus, ulong address) : IAddressRangeHandler
    {
        public ulong Read(ulong offset, int size) =>
            TryFindCurrent(out LocalApic local) && size == 4 && (offset & 15) == 0
                ? local.ReadWindow((int)(offset >> 4))
                : ulong.MaxValue >> (64 - (size * 8));

        public void Write(ulong offset, int size, ulong value)
        {
            if (TryFindCurrent(out LocalApic local) && size == 4 && (offset & 15) == 0)
            {
                local.WriteWindow((int)(offset >> 4), (uint)value);
            }
        }

        private bool TryFindCurrent(out LocalApic local)
        {
            int index = CurrentProcessor.Index;
            local = (uint)index < (uint)bus._locals.Length ? bus._locals[index] : null!;
            return local is not null && local.WindowAddress == address;
        }
    }
}
