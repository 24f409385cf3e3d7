using System.Buffers.Binary;
using Nacelle.Linux;

namespace Nacelle.Devices.Virtio.Console;

/// <summary>Takes what the guest writes to its console.</summary>
public interface IConsoleOutput
{
    /// <summary>Takes bytes; runs on the device's loop and must not wait.</summary>
    void Write(ReadOnlySpan<byte> bytes);
}

/// <summary>A console with one port (virtio 1.2, 5.3).</summary>
/// <remarks>
/// Queues belong to the loop's thread. <see cref="Receive"/> and <see cref="Resize"/> may come from any thread: input
/// waits in a buffer of its own with its own lock.
/// </remarks>
/// <param name="loop">The loop that owns both queues.</param>
/// <param name="output">Where the guest's output goes.</param>
public sealed class ConsoleDevice(EventLoop loop, IConsoleOutput output) : IVirtioDevice
{
    /// <summary>Bytes of input that wait for a guest that does not read.</summary>
    public const int InputCapacity = 16384;

    private const ulong SizeFeature = 1;
    private const int ReceiveQueue = 0;
    private readonly DescriptorChain _chain = new();
    private readonly Lock _inputSync = new();
    private readonly byte[] _input = new byte[InputCapacity];
    private int _inputCount;
    private uint _size = 80 | (25 << 16);
    private Virtqueue? _receive;
    private Virtqueue? _transmit;
    private volatile IVirtioTransport? _transport;

    /// <inheritdoc/>
    public VirtioDeviceType Type => VirtioDeviceType.Console;

    /// <inheritdoc/>
    public ulong Features => SizeFeature;

    /// <inheritdoc/>
    public IReadOnlyList<ushort> QueueSizes { get; } = [64, 64];

    /// <inheritdoc/>
    public uint ConfigurationSize => 4;

    /// <inheritdoc/>
    public EventLoop GetQueueLoop(int index) => loop;

    /// <summary>Gives the guest input.</summary>
    /// <returns>Bytes taken: fewer than given while the guest does not read.</returns>
    public int Receive(ReadOnlySpan<byte> bytes)
    {
        int taken;
        lock (_inputSync)
        {
            taken = Math.Min(bytes.Length, InputCapacity - _inputCount);
            bytes[..taken].CopyTo(_input.AsSpan(_inputCount));
            _inputCount += taken;
        }

        loop.Post(DeliverInput);
        return taken;
    }

    /// <summary>Tells the guest the size of the terminal.</summary>
    public void Resize(ushort columns, ushort rows)
    {
        Volatile.Write(ref _size, columns | ((uint)rows << 16));
        _transport?.NotifyConfigurationChanged();
    }

    /// <inheritdoc/>
    public void ReadConfiguration(uint offset, Span<byte> destination)
    {
        Span<byte> image = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(image, Volatile.Read(ref _size));
        image.Slice((int)offset, destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    public void WriteConfiguration(uint offset, ReadOnlySpan<byte> source)
    {
    }

    /// <inheritdoc/>
    public void Activate(VirtioActivation activation)
    {
        ArgumentNullException.ThrowIfNull(activation);
        loop.Invoke(() =>
        {
            _receive = activation.Queues[0];
            _transmit = activation.Queues[1];
        });
        _transport = activation.Transport;
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _transport = null;

        // Posted input deliveries run on the loop, outside the transport's doorbells.
        loop.Invoke(() =>
        {
            _receive = null;
            _transmit = null;
        });
    }

    /// <inheritdoc/>
    public void ProcessQueue(int index)
    {
        if (index == ReceiveQueue)
        {
            DeliverInput();
        }
        else
        {
            TakeOutput();
        }
    }

    private void DeliverInput()
    {
        if (_receive is not { } queue)
        {
            return;
        }

        lock (_inputSync)
        {
            while (_inputCount > 0 && (queue.TryPop(_chain) || (queue.EnableNotifications() && queue.TryPop(_chain))))
            {
                int length = _chain.CopyIn(0, _input.AsSpan(0, _inputCount));
                _input.AsSpan(length, _inputCount - length).CopyTo(_input);
                _inputCount -= length;
                queue.Push(_chain, (uint)length);
            }
        }

        queue.NotifyIfNeeded();
    }

    private void TakeOutput()
    {
        if (_transmit is not { } queue)
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[512];
        do
        {
            queue.DisableNotifications();
            while (queue.TryPop(_chain))
            {
                for (ulong done = 0; done < _chain.ReadableLength;)
                {
                    int part = _chain.CopyOut(done, bytes);
                    output.Write(bytes[..part]);
                    done += (ulong)part;
                }

                queue.Push(_chain, 0);
            }

            queue.NotifyIfNeeded();
        }
        while (queue.EnableNotifications());
    }
}
