using System.Buffers.Binary;
using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Devices.Virtio;

/// <summary>Carries a virtio device over PCI, modern interface only (virtio 1.2, section 4.1).</summary>
/// <remarks>
/// Registers are guarded by the transport's lock. Queue loops never take it: what they change (device status, interrupt
/// status) is atomic, so that a reset under the lock may wait for them.
/// </remarks>
public sealed class VirtioPciTransport : PciFunction, IDisposable
{
    private const ulong CommonOffset = 0x0000;
    private const ulong InterruptStatusOffset = 0x1000;
    private const ulong DeviceOffset = 0x2000;
    private const ulong NotifyOffset = 0x3000;
    private const ulong TableOffset = 0x4000;
    private const ulong PendingOffset = 0x5000;
    private const ulong BarSize = 0x8000;
    private const int NotifyMultiplier = 4;
    private const int MaximumQueues = 255;
    private readonly VirtioCommonRegisters _common;
    private readonly VirtioInterrupts _interrupts;
    private readonly MsixTable _vectors;
    private readonly EventFileDescriptor[] _doorbells;
    private readonly bool[] _bound;
    private readonly BusMastering _mastering = new();
    private readonly IDoorbellBinder? _binder;
    private readonly int _msixCapability;
    private readonly int _windowCapability;
    private readonly RegisterBlock _block;

    /// <summary>Makes the function; put it on a <see cref="PciBus"/>.</summary>
    /// <param name="name">What people call the device.</param>
    /// <param name="device">The device that it carries.</param>
    /// <param name="memory">The guest's RAM.</param>
    /// <param name="target">Where MSI-X messages go.</param>
    /// <param name="interruptPin">The wire of INTA#, for drivers without MSI-X; null for no pin.</param>
    /// <param name="binder">Short cut for doorbells; null for none.</param>
    /// <param name="offerPacked">Whether the packed layout is offered.</param>
    /// <param name="diagnostics">Takes a line when a driver breaks a rule; called on any thread.</param>
    public VirtioPciTransport(
        string name,
        IVirtioDevice device,
        GuestMemory memory,
        IMessageInterruptTarget target,
        IInterruptLine? interruptPin = null,
        IDoorbellBinder? binder = null,
        bool offerPacked = false,
        Action<string>? diagnostics = null)
        : base(name, Identify(device))
    {
        _binder = binder;
        int queues = device.QueueSizes.Count;
        if (queues > MaximumQueues)
        {
            throw new ArgumentException($"{name} has {queues} queues: {MaximumQueues} is the most", nameof(device));
        }

        _doorbells = new EventFileDescriptor[queues];
        for (int i = 0; i < queues; i++)
        {
            _doorbells[i] = new EventFileDescriptor();
        }

        _bound = new bool[queues];
        _vectors = new MsixTable(queues + 1, target);
        _interrupts = new VirtioInterrupts(_vectors, interruptPin, queues);
        _common = new VirtioCommonRegisters(name, device, memory, _interrupts, _doorbells, _mastering, offerPacked, diagnostics);
        _block = new RegisterBlock(this);
        DeclareBar(0, BarSize, true, _block);
        if (interruptPin is not null)
        {
            Declare8(0x3D, 1);
        }

        AddVirtioCapability(1, CommonOffset, VirtioCommonRegisters.Size);
        AddVirtioCapability(3, InterruptStatusOffset, 1);
        AddVirtioCapability(4, DeviceOffset, Math.Max(4, device.ConfigurationSize));
        AddVirtioCapability(2, NotifyOffset, (uint)(NotifyMultiplier * queues), NotifyMultiplier);
        _windowCapability = AddWindowCapability();
        _msixCapability = AddMsixCapability();
    }

    /// <summary>Takes the device from its driver, as the driver's own reset does.</summary>
    public override void Reset()
    {
        _common.Reset();
        _vectors.Reset();
        base.Reset();
    }

    /// <inheritdoc/>
    public override uint ReadConfiguration(int offset, int size)
    {
        if (_windowCapability != 0 && offset >= _windowCapability + 16 && offset < _windowCapability + 20
            && TryGetWindow(out ulong target, out int length))
        {
            return (uint)_block.Read(target, Math.Min(length, size));
        }

        return base.ReadConfiguration(offset, size);
    }

    /// <inheritdoc/>
    public override void WriteConfiguration(int offset, int size, uint value)
    {
        base.WriteConfiguration(offset, size, value);
        if (offset < _msixCapability + 4 && offset + size > _msixCapability + 2)
        {
            uint control = base.ReadConfiguration(_msixCapability + 2, 2);
            _vectors.SetControl((control & 0x8000) != 0, (control & 0x4000) != 0);
        }
        else if (offset == _windowCapability + 16 && TryGetWindow(out ulong target, out int length))
        {
            _block.Write(target, Math.Min(length, size), value);
        }
    }

    /// <summary>Stops the device and closes the doorbells. After the vCPUs stopped.</summary>
    public void Dispose()
    {
        Reset();
        foreach (EventFileDescriptor doorbell in _doorbells)
        {
            doorbell.Dispose();
        }
    }

    /// <inheritdoc/>
    protected override bool HasInterrupt => _interrupts.IsPending;

    /// <inheritdoc/>
    protected override void OnCommand(bool mayMaster, bool mayInterrupt)
    {
        _interrupts.SetMayInterrupt(mayInterrupt);
        if (mayMaster == _mastering.IsAllowed)
        {
            return;
        }

        _mastering.IsAllowed = mayMaster;
        _vectors.SetMaster(mayMaster);
        foreach (EventFileDescriptor doorbell in _doorbells)
        {
            // What was made available meanwhile is looked for.
            doorbell.Signal();
        }
    }

    /// <inheritdoc/>
    protected override void OnBarMapped(int index, ulong address)
    {
        for (int i = 0; i < _doorbells.Length && _binder is not null; i++)
        {
            _bound[i] = _binder.TryBind(address + NotifyOffset + (ulong)(i * NotifyMultiplier), 2, _doorbells[i]);
        }
    }

    /// <inheritdoc/>
    protected override void OnBarUnmapped(int index, ulong address)
    {
        for (int i = 0; i < _doorbells.Length; i++)
        {
            if (_bound[i])
            {
                _binder!.Unbind(address + NotifyOffset + (ulong)(i * NotifyMultiplier), 2, _doorbells[i]);
                _bound[i] = false;
            }
        }
    }

    private static PciIdentity Identify(IVirtioDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        ushort type = (ushort)device.Type;
        ushort classCode = device.Type switch
        {
            VirtioDeviceType.Network => 0x0200,
            VirtioDeviceType.Block => 0x0100,
            VirtioDeviceType.Console => 0x0780,
            _ => 0x00FF,
        };
        return new PciIdentity(0x1AF4, (ushort)(0x1040 + type), classCode, 1, 0x1AF4, 0x1100);
    }

    /// <summary>struct virtio_pci_cap (4.1.4): cfg_type, bar 0, offset, length.</summary>
    private void AddVirtioCapability(byte type, ulong offset, uint length, uint? multiplier = null)
    {
        Span<byte> body = stackalloc byte[18];
        body = body[..(multiplier is null ? 14 : 18)];
        body.Clear();
        body[0] = (byte)(body.Length + 2);
        body[1] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(body[6..], (uint)offset);
        BinaryPrimitives.WriteUInt32LittleEndian(body[10..], length);
        if (multiplier is uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(body[14..], value);
        }

        AddCapability(9, body);
    }

    /// <summary>The window through configuration space (4.1.4.9): bar, offset and length are the guest's to write.</summary>
    private int AddWindowCapability()
    {
        Span<byte> body = stackalloc byte[18];
        Span<byte> writable = stackalloc byte[18];
        body.Clear();
        writable.Clear();
        body[0] = 20;
        body[1] = 5;
        writable[2] = 0xFF;
        writable[6..].Fill(0xFF);
        return AddCapability(9, body, writable);
    }

    private int AddMsixCapability()
    {
        Span<byte> body = stackalloc byte[10];
        body.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(body, (ushort)(_vectors.Vectors - 1));
        BinaryPrimitives.WriteUInt32LittleEndian(body[2..], (uint)TableOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(body[6..], (uint)PendingOffset);
        return AddCapability(0x11, body, [0, 0xC0]);
    }

    private bool TryGetWindow(out ulong offset, out int length)
    {
        uint bar = base.ReadConfiguration(_windowCapability + 4, 1);
        offset = base.ReadConfiguration(_windowCapability + 8, 4);
        length = (int)base.ReadConfiguration(_windowCapability + 12, 4);
        return bar == 0 && length is 1 or 2 or 4 && offset % (ulong)length == 0 && offset <= BarSize - (ulong)length;
    }

    /// <summary>BAR 0: one page a structure.</summary>
    private sealed class RegisterBlock(VirtioPciTransport transport) : IAddressRangeHandler
    {
        public ulong Read(ulong offset, int size)
        {
            ulong inside = offset & 0xFFF;
            return (offset & ~0xFFFUL) switch
            {
                CommonOffset => transport._common.Read(inside, size),
                InterruptStatusOffset => inside == 0 ? transport._interrupts.TakeStatus() : 0UL,
                DeviceOffset => transport._common.ReadDevice(inside, size),
                TableOffset => transport._vectors.ReadTable(inside, size),
                PendingOffset => transport._vectors.ReadPending(inside, size),
                _ => 0,
            };
        }

        public void Write(ulong offset, int size, ulong value)
        {
            ulong inside = offset & 0xFFF;
            switch (offset & ~0xFFFUL)
            {
                case CommonOffset:
                    transport._common.Write(inside, size, value);
                    break;
                case DeviceOffset:
                    transport._common.WriteDevice(inside, size, value);
                    break;
                case NotifyOffset when inside / NotifyMultiplier < (ulong)transport._doorbells.Length:
                    transport._doorbells[inside / NotifyMultiplier].Signal();
                    break;
                case TableOffset:
                    transport._vectors.WriteTable(inside, size, value);
                    break;
            }
        }
    }
}
