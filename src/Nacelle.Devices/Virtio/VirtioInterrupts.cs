using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;

namespace Nacelle.Devices.Virtio;

/// <summary>The ways in which a virtio-pci function interrupts: a vector for each queue and one for configuration, or the pin.</summary>
/// <remarks>Thread safe: vector numbers are atomics, and a lock orders what the interrupt status does to the pin.</remarks>
internal sealed class VirtioInterrupts(MsixTable vectors, IInterruptLine? pin, int queues)
{
    /// <summary>VIRTIO_MSI_NO_VECTOR.</summary>
    public const ushort NoVector = 0xFFFF;

    private const int QueueStatus = 1;
    private const int ConfigurationStatus = 2;
    private readonly int[] _queueVectors = NewVectors(queues);
    private int _configurationVector = NoVector;
    private readonly Lock _sync = new();
    private int _status;
    private bool _mayInterrupt = true;

    /// <summary>Whether the driver has yet to read an interrupt status.</summary>
    public bool IsPending => Volatile.Read(ref _status) != 0;

    public ushort ConfigurationVector
    {
        get => (ushort)Volatile.Read(ref _configurationVector);
        set => Volatile.Write(ref _configurationVector, Check(value));
    }

    public ushort GetQueueVector(int queue) => (ushort)Volatile.Read(ref _queueVectors[queue]);

    public void SetQueueVector(int queue, ushort vector) => Volatile.Write(ref _queueVectors[queue], Check(vector));

    public void SignalQueue(int queue) => Signal(Volatile.Read(ref _queueVectors[queue]), QueueStatus);

    public void SignalConfiguration() => Signal(Volatile.Read(ref _configurationVector), ConfigurationStatus);

    /// <summary>Reads the interrupt status, clears it and lowers the pin (4.1.4.5).</summary>
    public byte TakeStatus()
    {
        lock (_sync)
        {
            int status = _status;
            _status = 0;
            UpdatePin();
            return (byte)status;
        }
    }

    /// <summary>Bit 10 of the command register keeps the pin down, whatever waits (PCI 3.0, table 6-1).</summary>
    public void SetMayInterrupt(bool mayInterrupt)
    {
        lock (_sync)
        {
            _mayInterrupt = mayInterrupt;
            UpdatePin();
        }
    }

    public void Reset()
    {
        Volatile.Write(ref _configurationVector, NoVector);
        Array.Fill(_queueVectors, NoVector);
        TakeStatus();
    }

    private static int[] NewVectors(int count)
    {
        int[] result = new int[count];
        Array.Fill(result, NoVector);
        return result;
    }

    /// <summary>A vector that does not exist reads back as none, which tells the driver (4.1.5.1.2).</summary>
    private ushort Check(ushort vector) => vector < vectors.Vectors ? vector : NoVector;

    private void Signal(int vector, int status)
    {
        if (vectors.IsEnabled)
        {
            if (vector != NoVector)
            {
                vectors.Trigger(vector);
            }

            return;
        }

        lock (_sync)
        {
            _status |= status;
            UpdatePin();
        }
    }

    private void UpdatePin() => pin?.SetLevel(_status != 0 && _mayInterrupt);
}
