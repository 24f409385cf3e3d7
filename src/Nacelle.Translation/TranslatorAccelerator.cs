using Nacelle.Cpu;
using Nacelle.Linux;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Runtime;

namespace Nacelle.Translation;

/// <summary>Runs guests by dynamic translation: no help of the hardware or of the host's kernel is needed.</summary>
/// <remarks>Made and disposed on one thread; vCPUs run in parallel, each on a thread of its own.</remarks>
public sealed class TranslatorAccelerator : IAccelerator
{
    private readonly MachineBus _bus;
    private readonly CodeWatch _watch;
    private readonly TranslatorOptions _options;
    private readonly List<TranslatorVirtualCpu> _processors = [];
    private readonly Queue<MemoryMapping> _contexts = [];

    /// <summary>Prepares translation for a machine.</summary>
    /// <param name="bus">RAM and devices.</param>
    /// <param name="options">How it is to run; null for the defaults.</param>
    /// <param name="virtualCpus">How many vCPUs will be made, for which the room below 2 GiB is taken at once; others take theirs when they are made.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is outside its range.</exception>
    /// <exception cref="PlatformNotSupportedException">
    /// The host's processor lacks what the translator emits, or the process has no room for the vCPUs; the message tells which.
    /// </exception>
    public TranslatorAccelerator(MachineBus bus, TranslatorOptions? options = null, int virtualCpus = 0)
    {
        ArgumentNullException.ThrowIfNull(bus);
        options ??= new TranslatorOptions();
        if (options.Refusal is string refusal)
        {
            throw new ArgumentOutOfRangeException(nameof(options), refusal);
        }

        if (HostProcessor.Missing is string missing)
        {
            throw new PlatformNotSupportedException($"the translator cannot run on this processor: it lacks {missing}");
        }

        _bus = bus;
        _options = options;
        Reserve(virtualCpus);
        _watch = new CodeWatch(bus.Ram);
    }

    /// <inheritdoc/>
    public string Name => "translator";

    /// <inheritdoc/>
    public IKernelInterruptControllers? KernelInterruptControllers => null;

    /// <summary>What all vCPUs have done so far. From any thread, until the accelerator is disposed.</summary>
    public TranslatorCounters ReadCounters()
    {
        TranslatorCounters sum = default;
        foreach (TranslatorVirtualCpu processor in _processors)
        {
            sum += processor.Counters;
        }

        return sum;
    }

    /// <summary>
    /// Describes the blocks that touch a range of linear addresses, by vCPU and address. While no vCPU runs and until the
    /// accelerator is disposed; the text is made as the result is walked through.
    /// </summary>
    /// <param name="first">First address.</param>
    /// <param name="last">Last address.</param>
    public IEnumerable<ListedBlock> ListBlocks(ulong first, ulong last) =>
        _processors.SelectMany(processor => processor.ListBlocks(first, last));

    /// <inheritdoc/>
    public IVirtualCpu CreateVirtualCpu(VirtualCpuConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        MemoryMapping context = _contexts.TryDequeue(out MemoryMapping? reserved) ? reserved : TranslatorVirtualCpu.MapContext();
        TranslatorVirtualCpu processor = new(configuration, _bus, _watch, _options, context);
        _processors.Add(processor);
        return processor;
    }

    /// <inheritdoc/>
    public bool TryBindDoorbell(ulong address, int size, EventFileDescriptor notifier) => false;

    /// <inheritdoc/>
    public void UnbindDoorbell(ulong address, int size, EventFileDescriptor notifier)
    {
        // Nothing was bound.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TranslatorVirtualCpu processor in _processors)
        {
            processor.Dispose();
        }

        _processors.Clear();
        ReleaseReserved();
        _watch.Dispose();
    }

    private void Reserve(int virtualCpus)
    {
        try
        {
            for (int i = 0; i < virtualCpus; i++)
            {
                _contexts.Enqueue(TranslatorVirtualCpu.MapContext());
            }
        }
        catch (LinuxException error)
        {
            int most = _contexts.Count;
            ReleaseReserved();
            throw new PlatformNotSupportedException(
                $"the translator has room below 2 GiB for {most} vCPUs in this process, and {virtualCpus} were asked for: give the machine fewer, or run it on KVM",
                error);
        }
    }

    private void ReleaseReserved()
    {
        while (_contexts.TryDequeue(out MemoryMapping? context))
        {
            context.Dispose();
        }
    }
}
