using System.Buffers.Binary;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Devices.Virtio;

/// <summary>The common configuration structure (virtio 1.2, 4.1.4.3) and the life of a device behind it (3.1).</summary>
/// <remarks>
/// Guarded by its own lock, but for the device status, which queue loops change atomically. A reset runs on the loop of the first
/// queue and takes the lock for its end only: the driver that asked waits for it for a moment, and else sees in the status that it
/// is not over (4.1.4.3.2), so that a host that does not answer holds up no vCPU.
/// </remarks>
internal sealed class VirtioCommonRegisters : IVirtioTransport
{
    /// <summary>Bytes of the structure.</summary>
    public const uint Size = 56;

    private const int DriverReady = 4;
    private const int FeaturesAccepted = 8;
    private const int NeedsReset = 0x40;
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(50);
    private readonly Lock _sync = new();
    private readonly string _name;
    private readonly IVirtioDevice _device;
    private readonly GuestMemory _memory;
    private readonly VirtioInterrupts _interrupts;
    private readonly EventFileDescriptor[] _doorbells;
    private readonly BusMastering _mastering;
    private readonly Action<string>? _diagnostics;
    private readonly ulong _offered;
    private readonly QueueRegisters[] _queues;
    private readonly bool[] _watched;
    private ulong _accepted;
    private uint _deviceSelect;
    private uint _driverSelect;
    private int _status;
    private int _generation;
    private ushort _queueSelect;
    private bool _active;

    // Of the reset that is under way; null while there is none.
    private TaskCompletionSource? _resetting;

    public VirtioCommonRegisters(
        string name,
        IVirtioDevice device,
        GuestMemory memory,
        VirtioInterrupts interrupts,
        EventFileDescriptor[] doorbells,
        BusMastering mastering,
        bool offerPacked,
        Action<string>? diagnostics)
    {
        _name = name;
        _device = device;
        _memory = memory;
        _interrupts = interrupts;
        _doorbells = doorbells;
        _mastering = mastering;
        _diagnostics = diagnostics;
        _offered = device.Features | VirtioFeatures.Version1 | VirtioFeatures.IndirectDescriptors
            | VirtioFeatures.EventIndex | (offerPacked ? VirtioFeatures.PackedRing : 0);
        _queues = new QueueRegisters[doorbells.Length];
        _watched = new bool[doorbells.Length];
        ForgetQueues();
    }

    public ulong Read(ulong offset, int size)
    {
        Span<byte> image = stackalloc byte[64];
        image.Clear();
        lock (_sync)
        {
            Describe(image);
        }

        return offset + (ulong)size <= Size ? ReadBytes(image[(int)offset..], size) : 0;
    }

    public void Write(ulong offset, int size, ulong value)
    {
        if (offset == 20 && size == 1 && (byte)value == 0)
        {
            _ = BeginReset().Wait(s_patience);
            return;
        }

        lock (_sync)
        {
            if (_resetting is not null)
            {
                return;
            }

            switch (offset, size)
            {
                case (0, 4):
                    _deviceSelect = (uint)value;
                    break;
                case (8, 4):
                    _driverSelect = (uint)value;
                    break;
                case (12, 4) when _driverSelect < 2 && (_status & FeaturesAccepted) == 0:
                    int shift = (int)_driverSelect * 32;
                    _accepted = (_accepted & ~(0xFFFF_FFFFUL << shift)) | ((value & 0xFFFF_FFFF) << shift);
                    break;
                case (16, 2):
                    _interrupts.ConfigurationVector = (ushort)value;
                    break;
                case (20, 1):
                    WriteStatus((int)value & 0xFF);
                    break;
                case (22, 2):
                    _queueSelect = (ushort)value;
                    break;
                default:
                    if (_queueSelect < _queues.Length)
                    {
                        WriteQueue(offset, size, value);
                    }

                    break;
            }
        }
    }

    public ulong ReadDevice(ulong offset, int size)
    {
        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        if (offset < _device.ConfigurationSize)
        {
            int part = (int)Math.Min((ulong)size, _device.ConfigurationSize - offset);
            lock (_sync)
            {
                _device.ReadConfiguration((uint)offset, bytes[..part]);
            }
        }

        return ReadBytes(bytes, size);
    }

    public void WriteDevice(ulong offset, int size, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        if (offset + (ulong)size <= _device.ConfigurationSize)
        {
            lock (_sync)
            {
                if (_resetting is null)
                {
                    _device.WriteConfiguration((uint)offset, bytes[..size]);
                }
            }
        }
    }

    /// <summary>Resets the device and waits until it has let go of the guest's memory.</summary>
    public void Reset() => BeginReset().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public void NotifyConfigurationChanged()
    {
        Interlocked.Increment(ref _generation);
        if ((Volatile.Read(ref _status) & DriverReady) != 0)
        {
            _interrupts.SignalConfiguration();
        }
    }

    /// <inheritdoc/>
    public void RequireReset(string reason)
    {
        int before = Interlocked.Or(ref _status, NeedsReset);
        if ((before & NeedsReset) == 0)
        {
            _diagnostics?.Invoke($"{_name}: stopped until its driver resets it: {reason}");
            if ((before & DriverReady) != 0)
            {
                _interrupts.SignalConfiguration();
            }
        }
    }

    private static ulong ReadBytes(ReadOnlySpan<byte> bytes, int size) => size switch
    {
        1 => bytes[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
    };

    private void Describe(Span<byte> image)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(image, _deviceSelect);
        BinaryPrimitives.WriteUInt32LittleEndian(image[4..], Half(_offered, _deviceSelect));
        BinaryPrimitives.WriteUInt32LittleEndian(image[8..], _driverSelect);
        BinaryPrimitives.WriteUInt32LittleEndian(image[12..], Half(_accepted, _driverSelect));
        BinaryPrimitives.WriteUInt16LittleEndian(image[16..], _interrupts.ConfigurationVector);
        BinaryPrimitives.WriteUInt16LittleEndian(image[18..], (ushort)_queues.Length);
        image[20] = (byte)Volatile.Read(ref _status);
        image[21] = (byte)Volatile.Read(ref _generation);
        BinaryPrimitives.WriteUInt16LittleEndian(image[22..], _queueSelect);
        if (_queueSelect >= _queues.Length)
        {
            return;
        }

        ref readonly QueueRegisters queue = ref _queues[_queueSelect];
        BinaryPrimitives.WriteUInt16LittleEndian(image[24..], queue.Size);
        BinaryPrimitives.WriteUInt16LittleEndian(image[26..], _interrupts.GetQueueVector(_queueSelect));
        BinaryPrimitives.WriteUInt16LittleEndian(image[28..], queue.Enabled ? (ushort)1 : (ushort)0);
        BinaryPrimitives.WriteUInt16LittleEndian(image[30..], _queueSelect);
        BinaryPrimitives.WriteUInt64LittleEndian(image[32..], queue.Descriptors);
        BinaryPrimitives.WriteUInt64LittleEndian(image[40..], queue.Driver);
        BinaryPrimitives.WriteUInt64LittleEndian(image[48..], queue.Device);
    }

    private static uint Half(ulong features, uint select) => select < 2 ? (uint)(features >> (int)(select * 32)) : 0;

    private void WriteQueue(ulong offset, int size, ulong value)
    {
        ref QueueRegisters queue = ref _queues[_queueSelect];
        if (offset == 26 && size == 2)
        {
            _interrupts.SetQueueVector(_queueSelect, (ushort)value);
            return;
        }

        // An enabled queue keeps its place until a reset (4.1.4.3.2).
        if (queue.Enabled)
        {
            return;
        }

        switch (offset, size)
        {
            case (24, 2) when value <= _device.QueueSizes[_queueSelect]:
                queue.Size = (ushort)value;
                break;
            case (28, 2) when value == 1:
                queue.Enabled = true;
                break;
            case (32 or 36, 4) or (32, 8):
                queue.Descriptors = Merge(queue.Descriptors, offset, size, value);
                break;
            case (40 or 44, 4) or (40, 8):
                queue.Driver = Merge(queue.Driver, offset, size, value);
                break;
            case (48 or 52, 4) or (48, 8):
                queue.Device = Merge(queue.Device, offset, size, value);
                break;
        }
    }

    private static ulong Merge(ulong old, ulong offset, int size, ulong value) =>
        size == 8 ? value
        : offset % 8 == 0 ? (old & 0xFFFF_FFFF_0000_0000) | (uint)value
        : (old & 0xFFFF_FFFF) | (value << 32);

    private void WriteStatus(int value)
    {
        const ulong required = VirtioFeatures.Version1;
        int granted = value & ~NeedsReset;
        if ((_status & FeaturesAccepted) == 0 && ((_accepted & ~_offered) != 0 || (_accepted & required) == 0))
        {
            // The bit that does not stick tells the driver (3.1.1, step 6).
            granted &= ~FeaturesAccepted;
        }

        int before = Interlocked.Or(ref _status, granted);
        if ((granted & DriverReady) != 0 && (before & DriverReady) == 0)
        {
            Activate();
        }
    }

    private void Activate()
    {
        if ((_status & FeaturesAccepted) == 0)
        {
            RequireReset("the driver was ready before its features were accepted");
            return;
        }

        Virtqueue?[] queues = new Virtqueue?[_queues.Length];
        for (int i = 0; i < queues.Length; i++)
        {
            QueueRegisters registers = _queues[i];
            if (!registers.Enabled)
            {
                continue;
            }

            int index = i;
            VirtqueueLayout layout = new(i, registers.Size, registers.Descriptors, registers.Driver, registers.Device);
            if (!Virtqueue.TryCreate(
                layout, _accepted, _memory, () => _interrupts.SignalQueue(index), RequireReset, out queues[i], out string? error, _mastering))
            {
                RequireReset(error!);
                return;
            }
        }

        _active = true;
        _device.Activate(new VirtioActivation(_accepted, queues, _memory, this));
        for (int i = 0; i < queues.Length; i++)
        {
            if (queues[i] is null)
            {
                continue;
            }

            int index = i;
            EventFileDescriptor doorbell = _doorbells[i];
            _watched[i] = true;
            _device.GetQueueLoop(i).Watch(doorbell.FileDescriptor, PollEvents.Readable, _ =>
            {
                doorbell.Consume();
                _device.ProcessQueue(index);
            });

            // Buffers may have been made available before the device was ready.
            doorbell.Signal();
        }
    }

    private Task BeginReset()
    {
        TaskCompletionSource ended;
        lock (_sync)
        {
            if (_resetting is not null)
            {
                return _resetting.Task;
            }

            if (!_active)
            {
                ForgetDriver();
                return Task.CompletedTask;
            }

            ended = _resetting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        _device.GetQueueLoop(0).Post(() =>
        {
            try
            {
                StopDevice();
            }
            catch (Exception error)
            {
                // The machine ends over it; nobody is to wait for this device.
                ended.SetException(error);
                throw;
            }

            lock (_sync)
            {
                _active = false;
                ForgetDriver();
                _resetting = null;
            }

            ended.SetResult();
        });
        return ended.Task;
    }

    /// <summary>On the loop of the first queue, which may wait for the others.</summary>
    private void StopDevice()
    {
        for (int i = 0; i < _watched.Length; i++)
        {
            if (_watched[i])
            {
                _watched[i] = false;
                EventLoop loop = _device.GetQueueLoop(i);
                int descriptor = _doorbells[i].FileDescriptor;

                // On the loop's own thread, so that no callback is under way afterwards.
                loop.Invoke(() => loop.Unwatch(descriptor));
            }
        }

        _device.Reset();
    }

    private void ForgetDriver()
    {
        foreach (EventFileDescriptor doorbell in _doorbells)
        {
            doorbell.Consume();
        }

        _accepted = 0;
        _deviceSelect = 0;
        _driverSelect = 0;
        _queueSelect = 0;
        ForgetQueues();
        _interrupts.Reset();
        Volatile.Write(ref _status, 0);
    }

    private void ForgetQueues()
    {
        for (int i = 0; i < _queues.Length; i++)
        {
            _queues[i] = new QueueRegisters { Size = _device.QueueSizes[i] };
        }
    }

    private struct QueueRegisters
    {
        public ushort Size;
        public bool Enabled;
        public ulong Descriptors;
        public ulong Driver;
        public ulong Device;
    }
}
