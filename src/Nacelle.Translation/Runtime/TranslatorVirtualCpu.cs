using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Nacelle.Cpu;
using Nacelle.Linux;
using Nacelle.Memory;
using Nacelle.Translation.Cache;
using Nacelle.Translation.Emit;
using Nacelle.Translation.Frontend;
using Nacelle.Translation.Memory;
using Nacelle.Translation.Operations;
using Nacelle.Translation.Signals;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <summary>A vCPU of the translator: its state, its code memory, and the loop that goes between the two.</summary>
/// <remarks>All state belongs to the thread inside <see cref="Run"/>, but for the requests, which any thread may leave.</remarks>
internal sealed unsafe partial class TranslatorVirtualCpu : IVirtualCpu, IVirtualCpuDebug, ICodeWatcher, IProcessorEnvironment
{
    private const ulong SignBit = 1UL << 63;

    // What calls push between two polls comes on top of it: no more than one page full of calls.
    private const ulong ReturnStackSize = 192 * 1024;
    private readonly TranslatorContext* _context;
    private readonly MemoryMapping _contextMapping;
    private readonly VirtualCpuConfiguration _configuration;
    private readonly MachineBus _bus;
    private readonly CodeWatch _watch;
    private readonly CodeMemory _code;
    private readonly CodeEmitter _emit;
    private readonly Thunks _thunks;
    private readonly LinkTable _links = new();
    private readonly CodeRegions _regions;
    private readonly BlockCache _blocks;
    private readonly BlockTranslator _translator;
    private readonly AccessSites _sites;
    private readonly DecodedBlock _decoded;
    private readonly LinearMemory _memory;
    private readonly JumpTable _jumps;
    private readonly CodeSegments _codeSegments;
    private readonly SystemInstructions _system;
    private readonly OperationExecutor _operations;
    private readonly FastCallState _fastCalls;
    private readonly Breakpoints _breakpoints;
    private readonly int _carefulStart;
    private readonly ConcurrentQueue<CodeRequest> _codeRequests = new();
    private readonly WakeSignal _wake;
    private readonly GCHandle _self;
    private readonly uint[] _tableModes = new uint[3];
    private readonly ExitClock? _clock;
    private TranslatorCounters _counters;
    private bool _disposed;
    private bool _halted;
    private bool _waitForStartup;
    private bool _modeStale = true;
    private volatile bool _exitRequested;

    // There were more requests about code than were kept.
    private volatile bool _forgetsCode;

    // Waiting or outside Run: it looks at what others have left before it goes on.
    private volatile bool _parked = true;
    private volatile bool _initRequested;
    private int _startupVector = -1;

    /// <summary>Maps memory for a vCPU's context where its code can name it.</summary>
    /// <exception cref="LinuxException">There is no room.</exception>
    public static MemoryMapping MapContext() => MemoryMapping.AnonymousLow(
        (ulong)(sizeof(TranslatorContext) + 4095) & ~4095UL, MemoryProtection.Read | MemoryProtection.Write);

    /// <param name="configuration">What the vCPU is.</param>
    /// <param name="bus">RAM and devices.</param>
    /// <param name="watch">The machine's watch over translated code.</param>
    /// <param name="options">How it is to run.</param>
    /// <param name="context">Memory of <see cref="MapContext"/>, which is the vCPU's from now on.</param>
    public TranslatorVirtualCpu(
        VirtualCpuConfiguration configuration, MachineBus bus, CodeWatch watch, TranslatorOptions options, MemoryMapping context)
    {
        _configuration = configuration;

        // Where there are more vCPUs than processors, another has better use for the time.
        _wake = new WakeSignal(mayLook: configuration.Index < Environment.ProcessorCount);
        _bus = bus;
        _watch = watch;
        _contextMapping = context;
        _context = (TranslatorContext*)_contextMapping.Address;
        _self = GCHandle.Alloc(this);
        ContextOwners.Register(_context, _self);
        InitialiseContext();
        _code = new CodeMemory(options.CodeCacheBytes);
        _emit = new CodeEmitter(_code.Writable, _code.Executable, (int)_context);
        _thunks = new Thunks(_emit, _context, (nint)(delegate* unmanaged<TranslatorContext*, ulong, byte*>)&MissHandler.Handle, options.IsTimed);
        _clock = options.IsTimed ? new ExitClock(_context) : null;
        _carefulStart = _emit.Position;
        _emit.Position += CarefulCode.Size * CarefulCode.Count;
        _sites = new AccessSites();
        _translator = new BlockTranslator(_emit, _thunks, _links, _sites);
        _regions = new CodeRegions(_emit, _code.Size);
        _blocks = new BlockCache(_emit, _links, _regions, watch);
        _forced = options.EvictEvery == 0 ? null : new ForcedEvictions(options.EvictEvery, configuration.Index);
        _memory = new LinearMemory(_context, bus, watch, PhysicalBits(configuration.Cpuid)) { Invalidated = OnInvalidated };
        _decoded = new DecodedBlock(InstructionSet.Of(configuration.Cpuid));
        _jumps = new JumpTable(_context, _thunks.LookupMiss);
        _codeSegments = new CodeSegments(_jumps.ClearAll);
        _system = new SystemInstructions(&_context->Registers, _memory, this);
        _operations = new OperationExecutor(_context, _memory, _system, this);
        _hidden = new HiddenVectors(_context);
        _fastCalls = new FastCallState(_context);
        _breakpoints = new Breakpoints(_context, _operations.Masked);
        HostFaults.Watch(_code, _thunks.HostFault);
        watch.Add(this);
        Reset();
    }

    /// <inheritdoc/>
    public int Index => _configuration.Index;

    /// <inheritdoc/>
    public ILocalInterruptController? LocalInterrupts => _configuration.LocalInterrupts;

    /// <inheritdoc/>
    public CpuidTable Cpuid => _configuration.Cpuid;

    /// <inheritdoc/>
    public GuestMemory Ram => _bus.Ram;

    /// <summary>What it has done so far.</summary>
    internal TranslatorCounters Counters => _counters with
    {
        TlbMisses = _context->TlbMisses,
        TlbFinds = _context->TlbFinds,
        ReturnMisses = _context->ReturnMisses,
        ReturnUnderflows = _context->ReturnUnderflows,
        TlbMissNanoseconds = _clock?.MissNanoseconds ?? 0,
        LinkNanoseconds = _clock?.Nanoseconds(ExitKind.Link) ?? 0,
        LookupNanoseconds = _clock?.Nanoseconds(ExitKind.Lookup) ?? 0,
        OperationNanoseconds = _clock?.Nanoseconds(ExitKind.Operation) ?? 0,
        OtherExitNanoseconds = _clock?.Nanoseconds(ExitKind.Other) ?? 0,
        TranslationNanoseconds = _clock?.TranslationNanoseconds ?? 0,
    };

    /// <summary>The guest's x87 and vector state in the standard format of XSAVE. Outside <see cref="Run"/>.</summary>
    internal Span<byte> ExtendedState => new(ContextOffsets.ExtendedState(_context), TranslatorContext.ExtendedStateSize);

    /// <summary>Linear memory, for the miss handler.</summary>
    internal LinearMemory Memory => _memory;

    /// <inheritdoc/>
    public ulong ReadTimestampCounter() => HostTimestamp.Read();

    /// <inheritdoc/>
    public void ModeChanged() => _modeStale = true;

    /// <inheritdoc/>
    public uint ReadPort(ushort port, int size) => (uint)_bus.Ports.Read(port, size);

    /// <inheritdoc/>
    public void WritePort(ushort port, int size, uint value) => _bus.Ports.Write(port, size, value);

    /// <inheritdoc/>
    public void RequestExit()
    {
        _exitRequested = true;
        Interrupt();
    }

    /// <inheritdoc/>
    public void NotifyInterrupt() => Interrupt();

    /// <inheritdoc/>
    public void SignalInit()
    {
        Volatile.Write(ref _startupVector, -1);
        _initRequested = true;
        Interrupt();
    }

    /// <inheritdoc/>
    public void SignalStartup(byte vector)
    {
        Volatile.Write(ref _startupVector, vector);
        Interrupt();
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _system.Reset();
        ResetExtendedState();
        _halted = false;
        _waitForStartup = Index != 0;
        SplitFlags();
        RefreshMode();
    }

    /// <inheritdoc/>
    public void ReadState(out CpuRegisters registers)
    {
        JoinFlags();
        registers = _context->Registers;
    }

    /// <inheritdoc/>
    public void WriteState(in CpuRegisters registers)
    {
        _context->Registers = registers;
        _halted = false;
        _waitForStartup = false;
        SplitFlags();
        _memory.Invalidate(TlbInvalidation.All, 0);
        RefreshMode();
    }

    /// <inheritdoc/>
    public void ProtectNow(ulong page) => _memory.Protect(page);

    /// <inheritdoc/>
    public UnseenWrites UnseenWrites => _memory.UnseenWrites;

    /// <inheritdoc/>
    public bool IsParked => _parked;

    /// <inheritdoc/>
    public void RequestProtection(ulong page, bool counted) => Request(new CodeRequest(page, 0, counted));

    /// <inheritdoc/>
    public bool MayBeWriting(ulong page) => _memory.IsWritingTo(page);

    /// <inheritdoc/>
    public void RequestInvalidation(ulong page, ulong chunks) => Request(new CodeRequest(page, chunks, false));

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        HostFaults.Unwatch(_code);
        ContextOwners.Unregister(_context);
        _self.Free();
        _code.Dispose();
        _sites.Dispose();
        _memory.Dispose();
        _contextMapping.Dispose();
    }

    /// <summary>Width of physical addresses (CPUID 80000008H, EAX bits 7:0; 36 where it says nothing).</summary>
    private static int PhysicalBits(CpuidTable cpuid)
    {
        int bits = (int)(cpuid.Query(0x8000_0008, 0).Eax & 0xFF);
        return bits is >= 32 and <= 52 ? bits : 36;
    }

    private void Request(CodeRequest request)
    {
        // A vCPU that waits for its start may wait for ever: beyond so many requests it forgets everything instead. Counted ones are
        // waited for, so that there are few.
        if (!request.Counted && _codeRequests.Count >= MostCodeRequests)
        {
            _forgetsCode = true;
        }
        else
        {
            _codeRequests.Enqueue(request);
        }

        StopTranslatedCode();
    }

    private void Interrupt()
    {
        Volatile.Write(ref _context->NoInterruptWaiting, 0);
        StopTranslatedCode();
        _wake.Signal();
    }

    /// <summary>Whether translated code would leave at some poll. Requests race with each other, so any of the words tells it.</summary>
    private bool IsStopped => Volatile.Read(ref _context->Runnable) == 0 || Volatile.Read(ref _context->StackLimit) == ulong.MaxValue
        || Volatile.Read(ref _context->NegatedStackLimit) == SignBit;

    /// <summary>Makes translated code leave at its next poll. From any thread.</summary>
    private void StopTranslatedCode()
    {
        Volatile.Write(ref _context->Runnable, 0);
        Volatile.Write(ref _context->StackLimit, ulong.MaxValue);
        Volatile.Write(ref _context->NegatedStackLimit, SignBit);
    }

    /// <summary>Lets translated code run. On the vCPU's thread, before it looks at what others have left.</summary>
    private void LetTranslatedCodeRun()
    {
        byte here;
        ulong limit = (ulong)&here - ReturnStackSize;
        Volatile.Write(ref _context->StackLimit, limit);
        Volatile.Write(ref _context->NegatedStackLimit, 0UL - limit);
        Volatile.Write(ref _context->Runnable, 1);
    }

    private void InitialiseContext()
    {
        _context->TlbIndexMask = (ulong)(TranslatorContext.TlbEntries - 1) << 12;
        _context->PageMask = ~0xFFFUL;
        _context->ConflictsLeft = ConflictPatience;
        _context->TlbMultiplier = SecondLevelTlb.Multiplier;
        for (int tlb = 0; tlb < TranslatorContext.TlbCount; tlb++)
        {
            _context->JumpIndexMasks[tlb] = (ulong)ContextOffsets.JumpEntries(tlb) - 1;
        }

        _context->ArithmeticFlagsMask = 0x8D5;
        _context->StoredFlagsMask = ~(0x8D5UL | RflagsBits.Interrupt | (1UL << 10) | RflagsBits.Resume | RflagsBits.Virtual8086);
        _context->ExtendedStateMask = HostProcessor.ExtendedStateMask;
        _context->SignMask = SignBit;
        StopTranslatedCode();
        _context->NoInterruptWaiting = 1;
        _context->ExtendedStateDead = 1;
    }

    /// <summary>x87, SSE and wider state after reset (SDM volume 3, table 11-1): the initial state of XRSTOR but for MXCSR.</summary>
    private void ResetExtendedState()
    {
        byte* area = ContextOffsets.ExtendedState(_context);
        new Span<byte>(area, TranslatorContext.ExtendedStateSize).Clear();
        *(ushort*)area = 0x37F;
        *(uint*)(area + 24) = 0x1F80;
        *(uint*)(area + 28) = 0xFFFF;
        *(ulong*)(area + 512) = 3;
        _context->ExtendedStateDead = 1;
    }

    /// <summary>Makes RFLAGS whole from where translated code keeps its parts.</summary>
    private void JoinFlags()
    {
        const ulong arithmetic = 0x8D5;
        const ulong parts = arithmetic | (1 << 9) | (1 << 10);
        _context->Registers.Rflags = (_context->Registers.Rflags & ~parts) | (_context->HostFlags & arithmetic)
            | ((ulong)_context->InterruptFlag << 9) | ((ulong)_context->DirectionFlag << 10) | 2;
    }

    private void SplitFlags()
    {
        ulong flags = _context->Registers.Rflags;
        _context->HostFlags = (flags & 0x8D5) | 0x202;
        _context->InterruptFlag = (uint)(flags >> 9) & 1;
        _context->DirectionFlag = (uint)(flags >> 10) & 1;
    }

    private void RefreshMode()
    {
        _modeStale = false;
        ExecutionMode mode = ExecutionMode.Of(_context->Registers);
        _memory.Mode = mode;
        _context->CodeSegmentKey = mode.HasCodeSegmentKey ? _codeSegments.KeyOf(_context->Registers.Cs) : 0;
        if (!mode.IsLong)
        {
            NoteSegmentLimits();
        }

        ReserveTable(mode);
        if (mode.IsAccessPrevented)
        {
            // Translated code goes back and forth between the two without asking.
            ReserveTable(mode.WithTlb(mode.Tlb ^ 2));
        }

        if (_fastCalls.Refresh())
        {
            ReserveTable(_fastCalls.UserMode);
            ReserveTable(_fastCalls.SupervisorMode);
        }

        // Fast calls go to the jump tables without asking whose mode those are of.
        _context->FastCalls = _fastCalls.IsUsual && !mode.IsSingleStep && _tableModes[1] == _fastCalls.UserMode.Bits
            && _tableModes[0] == _fastCalls.SupervisorMode.Bits ? 1u : 0;
    }

    /// <summary>What emitted code compares offsets with.</summary>
    private void NoteSegmentLimits()
    {
        bool isProtected = _context->Registers.IsProtected;
        for (SegmentName name = SegmentName.Es; name <= SegmentName.Gs; name++)
        {
            ref SegmentRegister segment = ref _context->Registers.Segment(name);
            long* limits = _context->SegmentLimits + ((int)name * 2);
            limits[0] = SegmentChecks.LastOffset(segment, write: false, isProtected);
            limits[1] = SegmentChecks.LastOffset(segment, write: true, isProtected);
        }
    }

    /// <summary>Makes sure that a jump table holds blocks of one mode only.</summary>
    private void ReserveTable(ExecutionMode mode)
    {
        if (_tableModes[mode.Tlb] != mode.Bits)
        {
            _tableModes[mode.Tlb] = mode.Bits;
            _jumps.Clear(mode.Tlb);
        }
    }

    private void OnInvalidated(TlbInvalidation kind, ulong address)
    {
        _counters.TlbFlushes++;
        switch (kind)
        {
            case TlbInvalidation.Page:
                _jumps.ClearPage(address);
                break;
            case TlbInvalidation.NonGlobal:
                _jumps.ClearNonGlobal();
                break;
            default:
                _jumps.ClearAll();
                break;
        }
    }
}
