using Nacelle.Cpu;
using Nacelle.Kvm.Interop;
using Nacelle.Linux;

namespace Nacelle.Kvm;

/// <summary>Runs guests on the host's KVM, with LAPICs, IOAPIC, 8259 pair and 8254 in the host kernel.</summary>
/// <remarks>
/// Made and disposed on one thread. vCPUs run in parallel, each on a thread of its own; everything else is safe from any
/// thread. The machine's RAM must outlive the accelerator.
/// </remarks>
public sealed unsafe class KvmAccelerator : IAccelerator
{
    private readonly KvmHandle _system;
    private readonly KvmHandle _vm;
    private readonly MachineBus _bus;
    private readonly KvmInterruptControllers? _interrupts;
    private readonly KvmDirtyLog _dirtyLog;
    private readonly List<KvmVirtualCpu> _processors = [];
    private readonly int _vcpuCount;
    private readonly int _ringEntries;
    private KvmCpuidEntry[]? _offeredCpuid;
    private uint[]? _msrs;
    private int _runSize;

    /// <summary>Creates a VM with the machine's RAM.</summary>
    /// <param name="bus">RAM and devices.</param>
    /// <param name="vcpuCount">vCPUs that will be created, at least one.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="LinuxException">The host refused; the message says what.</exception>
    /// <exception cref="PlatformNotSupportedException">The host's KVM lacks what this VM needs; the message names it.</exception>
    public KvmAccelerator(MachineBus bus, int vcpuCount, KvmAcceleratorOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(bus);
        ArgumentOutOfRangeException.ThrowIfLessThan(vcpuCount, 1);
        options ??= new KvmAcceleratorOptions();
        _bus = bus;
        _vcpuCount = vcpuCount;
        _ringEntries = options.DirtyRingEntries;
        _system = KvmHost.Open(out KvmFacts facts);
        KvmHandle? vm = null;
        try
        {
            Facts = facts;
            Check(facts, vcpuCount, bus.Ram.Ranges.Count, _ringEntries);
            vm = new KvmHandle(_system.Call(KvmRequest.CreateVm, 0, "create a VM with KVM"));
            _vm = vm;
            PlaceHelperPages();
            if (_ringEntries > 0)
            {
                EnableDirtyRing(facts);
            }

            if (options.InterruptControllers)
            {
                _interrupts = new KvmInterruptControllers(_vm);
            }

            _dirtyLog = new KvmDirtyLog(_vm, bus.Ram, _ringEntries > 0);
        }
        catch
        {
            vm?.Dispose();
            _system.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name => "kvm";

    /// <summary>What the host's KVM offers.</summary>
    public KvmFacts Facts { get; }

    /// <inheritdoc/>
    public IKernelInterruptControllers? KernelInterruptControllers => _interrupts;

    /// <summary>The interrupt controllers, with what only KVM can do: event descriptors that raise interrupts.</summary>
    public KvmInterruptControllers? InterruptControllers => _interrupts;

    /// <summary>Which pages of RAM the guest has written.</summary>
    public KvmDirtyLog DirtyLog => _dirtyLog;

    /// <summary>What a vCPU of this VM sees of its processor; see <see cref="KvmCpuid.Supported(int, uint, int, bool)"/>.</summary>
    /// <param name="vcpuIndex">Number of the vCPU.</param>
    /// <param name="apicId">Its x2APIC id.</param>
    /// <param name="nested">Whether the guest can have VMs of its own.</param>
    /// <exception cref="LinuxException">The host refused.</exception>
    public CpuidTable SupportedCpuid(int vcpuIndex, uint apicId, bool nested = false) => KvmCpuid.Supported(
        _offeredCpuid ??= KvmCpuid.List(_system), Facts, vcpuIndex, apicId, _vcpuCount, nested);

    /// <inheritdoc/>
    /// <exception cref="LinuxException">The host refused.</exception>
    /// <exception cref="InvalidOperationException">More vCPUs than announced, or one with a LAPIC of its own.</exception>
    public IVirtualCpu CreateVirtualCpu(VirtualCpuConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (_processors.Count == _vcpuCount)
        {
            throw new InvalidOperationException($"this VM was made for {_vcpuCount} vCPUs, all of which exist");
        }

        if (configuration.LocalInterrupts is not null)
        {
            throw new InvalidOperationException("KVM brings the LAPIC of each vCPU: leave LocalInterrupts null");
        }

        if (configuration.Index == 0 && configuration.ApicId != 0)
        {
            _vm.Call(KvmRequest.SetBootProcessor, configuration.ApicId, "choose the bootstrap processor");
        }

        KvmHandle handle = new(_vm.Call(
            KvmRequest.CreateVcpu, configuration.ApicId, $"create vCPU {configuration.Index} with APIC id {configuration.ApicId}"));
        KvmVirtualCpu processor;
        try
        {
            if (_runSize == 0)
            {
                _runSize = _system.Call(KvmRequest.GetVcpuMmapSize, 0, "ask for the size of a vCPU's shared page");
            }

            _msrs ??= KvmMsrs.List(_system);
            processor = new KvmVirtualCpu(configuration, _bus, handle, (ulong)_runSize, Facts, _dirtyLog, _msrs);
            if (_ringEntries > 0)
            {
                _dirtyLog.Add(new KvmDirtyRing(handle.Descriptor, _ringEntries));
            }
        }
        catch
        {
            handle.Dispose();
            throw;
        }

        _processors.Add(processor);
        return processor;
    }

    /// <inheritdoc/>
    public bool TryBindDoorbell(ulong address, int size, EventFileDescriptor notifier) =>
        Facts.Doorbells && SetDoorbell(address, size, notifier, flags: 0) == 0;

    /// <inheritdoc/>
    public void UnbindDoorbell(ulong address, int size, EventFileDescriptor notifier) =>
        _ = SetDoorbell(address, size, notifier, KvmDoorbell.Deassign);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (KvmVirtualCpu processor in _processors)
        {
            processor.Dispose();
        }

        _processors.Clear();
        _dirtyLog.Dispose();
        _vm.Dispose();
        _system.Dispose();
    }

    private static void Check(KvmFacts facts, int vcpuCount, int ranges, int ringEntries)
    {
        if (vcpuCount > facts.MaximumVcpus)
        {
            throw new PlatformNotSupportedException(
                $"{vcpuCount} vCPUs were asked for, this host's KVM runs at most {facts.MaximumVcpus}: ask for fewer");
        }

        if (ranges > facts.MemorySlots)
        {
            throw new PlatformNotSupportedException(
                $"RAM in {ranges} ranges was asked for, this host's KVM has {facts.MemorySlots} memory slots");
        }

        if (ringEntries == 0)
        {
            return;
        }

        if (ringEntries is < 1024 or > 65536 || !int.IsPow2(ringEntries))
        {
            throw new ArgumentOutOfRangeException(
                nameof(ringEntries), ringEntries, "dirty ring entries: a power of two from 1024 to 65536");
        }

        if (ringEntries * sizeof(KvmDirtyEntry) > facts.DirtyRingBytes)
        {
            throw new PlatformNotSupportedException(
                $"a dirty ring of {ringEntries} entries was asked for, this host's KVM has at most "
                + $"{facts.DirtyRingBytes / sizeof(KvmDirtyEntry)}: use a smaller ring or 0 for bitmaps");
        }
    }

    /// <summary>
    /// Puts the pages that KVM on Intel needs for real mode (a TSS of three pages, an identity-mapping page table) below
    /// the firmware, where no RAM and no device lies. Before the first vCPU.
    /// </summary>
    private void PlaceHelperPages()
    {
        ulong identityMap = 0xFFFB_C000;
        const uint taskState = 0xFFFB_D000;
        _vm.Call(KvmRequest.SetIdentityMapAddress, &identityMap, "place KVM's identity map");
        _vm.Call(KvmRequest.SetTssAddress, taskState, "place KVM's task state segment");
    }

    private void EnableDirtyRing(KvmFacts facts)
    {
        // The older capability promises total store order, which this architecture has; newer kernels offer both.
        int capability = _system.Try(KvmRequest.CheckExtension, (nuint)KvmCapability.DirtyRing) > 0
            ? KvmCapability.DirtyRing
            : KvmCapability.DirtyRingAcquireRelease;
        KvmEnableCapability request = new() { Capability = (uint)capability };
        request.Arguments[0] = (ulong)(_ringEntries * sizeof(KvmDirtyEntry));
        _vm.Call(KvmRequest.EnableCapability, &request, $"have dirty rings of {_ringEntries} entries (most: {facts.DirtyRingBytes} bytes)");
    }

    private int SetDoorbell(ulong address, int size, EventFileDescriptor notifier, uint flags)
    {
        ArgumentNullException.ThrowIfNull(notifier);
        KvmDoorbell request = new()
        {
            Address = address,
            Length = (uint)size,
            Descriptor = notifier.FileDescriptor,
            Flags = flags,
        };
        return _vm.Try(KvmRequest.DoorbellEventFd, &request);
    }
}
