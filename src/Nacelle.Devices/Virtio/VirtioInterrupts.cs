using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Pci;

namespace Nacelle.Devices.Virtio;

/// <summary>The ways in which a virtio-pci function interrupts: a vector for each queue and one for configuration, or the pin.</summary>
/// <remarks>Thread safe: vector numbers and the interrupt status are atomics.</remarks>
internal sealed class VirtioInterrupts(MsixTable vectors, IInterruptLine? pin, int queues)
{
    /// <summary>VIRTIO_MSI_NO_VECTOR.</summary>
    public const ushort NoVector = 0xFFFF;

    private const int QueueStatus = 1;
    private const int ConfigurationStatus = 2;
    private readonly int[] _queueVectors = NewVectors(queues);
    private int _configurationVector = NoVector;
    private int _status;

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
        int status = Interlocked.Exchange(ref _status, 0);
        pin?.SetLevel(false);

        // A signal between the exchange and the lowering would otherwise be lost.
        if (Volatile.Read(ref _status) != 0)
        {
            pin?.SetLevel(true);
        }

        return (byte)status;
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

        Interlocked.Or(ref _status, status);
        pin?.SetLevel(true);
    }
}
