using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// The code of a vCPU that all its blocks share: entry, exit, the way to the monitor on a TLB miss, and the indirect branch.
/// </summary>
internal sealed unsafe class Thunks
{
    private static readonly HostRegister[] s_pinned = [Rax, Rcx, Rdx, Rbx, Rbp, Rsi, Rdi, R8, R9, R10, R11, R12];
    private static readonly HostRegister[] s_calleeSaved = [Rbx, Rbp, R12, GuestStack, Scratch1, Scratch2];
    private readonly CodeEmitter _emit;
    private readonly TranslatorContext* _context;
    private readonly ThunkClock _clock;

    public Thunks(CodeEmitter emit, TranslatorContext* context, nint missHandler, bool timed = false)
    {
        _emit = emit;
        _context = context;
        _clock = new ThunkClock(emit, timed);
        Exit = EmitExit();
        Miss = EmitMiss(missHandler);
        TlbThunks finds = new(emit);
        int halves = TranslatorContext.TlbCount * 2;
        Find = new ulong[halves];
        FindHashed = new ulong[halves];
        FindPage = new ulong[halves];
        for (int i = 0; i < halves; i++)
        {
            Find[i] = finds.Emit(i / 2, i % 2 != 0, hashed: false, Miss);
            FindHashed[i] = finds.Emit(i / 2, i % 2 != 0, hashed: true, Miss);
            FindPage[i] = finds.EmitForThunks(i / 2, i % 2 != 0);
        }

        RestoreExtendedState = EmitRestore();
        Link = EmitReason(ExitReason.Link, storeRip: false);
        Operation = EmitReason(ExitReason.Operation, storeRip: true);
        Repeated = EmitReason(ExitReason.Repeated, storeRip: true);
        Careful = EmitReason(ExitReason.Careful, storeRip: true);
        Attention = EmitReason(ExitReason.Attention, storeRip: true);
        Stale = EmitReason(ExitReason.Stale, storeRip: true);
        Roaming = EmitReason(ExitReason.Roaming, storeRip: true);
        LookupMiss = EmitLookupMiss();
        HostFault = EmitReason(ExitReason.HostFault, storeRip: false);
        LookupAttention = EmitLookupAttention();
        Lookup = [EmitLookup(0), EmitLookup(1), EmitLookup(2)];
        ReturnLookup = EmitReturnLookup();
        ReturnMiss = EmitReturnMiss();
        Enter = EmitEnter(EmitReturnUnderflow());
        PageCrossingThunks crossings = new(emit, (ulong)ContextOffsets.Bounce(context));
        BeforeCrossing = new ulong[halves];
        for (int i = 0; i < BeforeCrossing.Length; i++)
        {
            BeforeCrossing[i] = crossings.EmitBefore(i / 2, i % 2 != 0, FindPage[i], Miss);
        }

        AfterCrossing = crossings.EmitAfter();
        FastCallThunks calls = new(emit);
        SystemCall = calls.EmitSystemCall(Operation, Lookup[0]);
        SystemReturn = calls.EmitSystemReturn(Operation, Attention, Lookup[1]);
    }

    /// <summary>From the monitor: (context, host code) → exit reason, by the System V convention.</summary>
    public ulong Enter { get; }

    /// <summary>To the monitor; reason and argument are in the context.</summary>
    public ulong Exit { get; }

    /// <summary>Called with the address in <see cref="Scratch1"/>; returns a host pointer there or leaves to the monitor.</summary>
    public ulong Miss { get; }

    /// <summary>Called after a miss where the low bits of the address in <see cref="Scratch1"/> select, for each soft TLB to read and to write; the same as <see cref="Miss"/> to the caller.</summary>
    public ulong[] Find { get; }

    /// <summary>The same after a miss in the other place.</summary>
    public ulong[] FindHashed { get; }

    /// <summary>The same for other thunks: zero in <see cref="Scratch1"/> where the second level does not know the page; flags are lost.</summary>
    public ulong[] FindPage { get; }

    /// <summary>Called to load x87 and vector state; <see cref="Scratch2"/> is lost.</summary>
    public ulong RestoreExtendedState { get; }

    /// <summary>To the monitor to link a direct branch.</summary>
    public ulong Link { get; }

    /// <summary>To the monitor for an instruction; its RIP in <see cref="Scratch2"/>.</summary>
    public ulong Operation { get; }

    /// <summary>To the monitor for the rest of a repeated string instruction; its RIP in <see cref="Scratch2"/>.</summary>
    public ulong Repeated { get; }

    /// <summary>To the monitor for an instruction whose access it has to look at; its RIP in <see cref="Scratch2"/>.</summary>
    public ulong Careful { get; }

    /// <summary>To the monitor because it asked; the next RIP in <see cref="Scratch2"/>.</summary>
    public ulong Attention { get; }

    /// <summary>To the monitor because a block's code has changed; its RIP in <see cref="Scratch2"/>.</summary>
    public ulong Stale { get; }

    /// <summary>To the monitor because an access keeps using different pages; its RIP in <see cref="Scratch2"/>.</summary>
    public ulong Roaming { get; }

    /// <summary>To the monitor after a host exception; argument in the context.</summary>
    public ulong HostFault { get; }

    /// <summary>What an empty jump entry leads to; RIP in <see cref="Scratch1"/>, the guest's flags set aside.</summary>
    public ulong LookupMiss { get; }

    /// <summary>To the monitor because it asked, before an indirect branch to the RIP in <see cref="Scratch1"/>; the guest's flags are set aside.</summary>
    public ulong LookupAttention { get; }

    /// <summary>Indirect branch to the RIP in <see cref="Scratch1"/> in whichever mode the vCPU is; the guest's flags are set aside.</summary>
    public ulong ReturnLookup { get; }

    /// <summary>The same for a return that the return stack foretold wrongly; the stack is emptied.</summary>
    public ulong ReturnMiss { get; }

    /// <summary>Indirect branch to the RIP in <see cref="Scratch1"/>, for each soft TLB's mode; the guest's flags are set aside.</summary>
    public ulong[] Lookup { get; }

    /// <summary>Called before an access across pages; for each soft TLB, to read and to write.</summary>
    public ulong[] BeforeCrossing { get; }

    /// <summary>Called after an access across pages that writes.</summary>
    public ulong AfterCrossing { get; }

    /// <summary>SYSCALL; the next instruction's RIP in <see cref="Scratch1"/>.</summary>
    public ulong SystemCall { get; }

    /// <summary>SYSRET; its own RIP in <see cref="Scratch1"/>.</summary>
    public ulong SystemReturn { get; }

    private ulong EmitEnter(ulong underflow)
    {
        ulong start = _emit.Address;
        foreach (HostRegister register in s_calleeSaved)
        {
            _emit.Push(register);
        }

        // sub rsp, 8: calls from here on find the stack aligned to 16 (System V ABI 3.2.2).
        _emit.Bytes([0x48, 0x83, 0xEC, 0x08]);

        // wrgsbase rdi: .NET and glibc leave GS alone on Linux, so the context may hang off it.
        _emit.Bytes([0xF3, 0x48, 0x0F, 0xAE, 0xDF]);
        _emit.StoreContext(ContextOffsets.HostStack, Rsp);

        // The end of the return stack.
        _emit.MoveImmediate(Scratch1, underflow);
        _emit.Push(Scratch1);
        _emit.StoreContext(ContextOffsets.ReturnStackBase, Rsp);
        _emit.Move(Scratch1, Rsi);
        _emit.LoadContext(Scratch2, ContextOffsets.HostFlags);
        _emit.Push(Scratch2);
        _emit.PopFlags();
        LoadPinned();
        JumpRegister(Scratch1);
        return start;
    }

    private ulong EmitExit()
    {
        ulong start = _emit.Address;
        _emit.PushFlags();
        _emit.Pop(Scratch2);
        _emit.StoreContext(ContextOffsets.HostFlags, Scratch2);
        StorePinned();
        _clock.Start();
        _emit.LoadContext32(Rbx, ContextOffsets.ExtendedStateDead);
        WhenZero(Rbx, () =>
        {
            SaveExtendedState();
            _emit.StoreContextImmediate32(ContextOffsets.ExtendedStateDead, 1);
        });
        ReturnToMonitor();
        return start;
    }

    private ulong EmitMiss(nint handler)
    {
        ulong start = _emit.Address;
        _emit.PushFlags();
        _emit.Pop(Scratch2);
        _emit.StoreContext(ContextOffsets.HostFlags, Scratch2);
        StorePinned();
        _clock.Start();
        _emit.LoadContext32(Rbx, ContextOffsets.ExtendedStateDead);
        WhenZero(Rbx, SaveExtendedState);
        _emit.MoveImmediate(Rdi, (ulong)_context);
        _emit.Move(Rsi, Scratch1);
        _emit.Move(Rbp, Rsp);

        // and rsp, -16; call rax.
        _emit.Bytes([0x48, 0x83, 0xE4, 0xF0]);
        _emit.MoveImmediate(Rax, (ulong)handler);
        _emit.Bytes([0xFF, 0xD0]);
        _emit.Move(Rsp, Rbp);
        _emit.Move(Scratch1, Rax);

        // Everything is in the context already, the vector state too: leave without saving again.
        WhenZero(Rax, () =>
        {
            _emit.StoreContextImmediate32(ContextOffsets.ExtendedStateDead, 1);
            _clock.AddMiss();
            ReturnToMonitor();
        });
        WhenZero(Rbx, RestoreArea);
        _clock.AddMiss();
        _emit.LoadContext(Scratch2, ContextOffsets.HostFlags);
        _emit.Push(Scratch2);
        _emit.PopFlags();
        LoadPinned();
        _emit.Return();
        return start;
    }

    private ulong EmitRestore()
    {
        ulong start = _emit.Address;
        _emit.StoreContext(ContextOffsets.SavedScratch, Rax);
        _emit.Move(Scratch2, Rdx);
        RestoreArea();
        _emit.Move(Rdx, Scratch2);
        _emit.LoadContext(Rax, ContextOffsets.SavedScratch);
        _emit.StoreContextImmediate32(ContextOffsets.ExtendedStateDead, 0);
        _emit.Return();
        return start;
    }

    private ulong EmitReason(ExitReason reason, bool storeRip)
    {
        ulong start = _emit.Address;
        if (storeRip)
        {
            _emit.StoreContext(ContextOffsets.Rip, Scratch2);
        }

        _emit.StoreContextImmediate32(ContextOffsets.ExitReason, (uint)reason);
        _emit.JumpTo(Exit);
        return start;
    }

    private ulong EmitLookupMiss()
    {
        ulong start = _emit.Address;
        new FlagsEmitter(_emit).Load();
        _emit.StoreContext(ContextOffsets.Rip, Scratch1);
        _emit.StoreContextImmediate32(ContextOffsets.ExitReason, (uint)ExitReason.Lookup);
        _emit.JumpTo(Exit);
        return start;
    }

    private ulong EmitLookup(int tlb)
    {
        ulong start = _emit.Address;
        _emit.CompareContext32(ContextOffsets.Runnable, 0);
        _emit.JumpIf(Condition.Equal, LookupAttention);
        new LookupEmitter(_emit).Emit(tlb, LookupMiss, call: false);
        return start;
    }

    private ulong EmitLookupAttention()
    {
        ulong start = _emit.Address;
        new FlagsEmitter(_emit).Load();
        _emit.Move(Scratch2, Scratch1);
        _emit.JumpTo(Attention);
        return start;
    }

    private ulong EmitReturnLookup()
    {
        ulong start = _emit.Address;
        _emit.AddContext(Scratch1, ContextOffsets.CodeSegmentKey);
        for (int tlb = 0; tlb < TranslatorContext.TlbCount - 1; tlb++)
        {
            _emit.LoadContext32(Scratch2, ContextOffsets.Mode);
            _emit.And32(Scratch2, 3);
            _emit.Compare(Scratch2, tlb);
            _emit.JumpIf(Condition.Equal, Lookup[tlb]);
        }

        _emit.JumpTo(Lookup[TranslatorContext.TlbCount - 1]);
        return start;
    }

    private ulong EmitReturnMiss()
    {
        ulong start = _emit.Address;
        _emit.LoadContext(Rsp, ContextOffsets.ReturnStackBase);
        Count(ContextOffsets.ReturnMisses);
        _emit.JumpTo(ReturnLookup);
        return start;
    }

    private ulong EmitReturnUnderflow()
    {
        ulong start = _emit.Address;

        // Back over its own address, which the red zone has kept (System V ABI 3.2.2).
        _emit.LoadContext(Rsp, ContextOffsets.ReturnStackBase);
        Count(ContextOffsets.ReturnUnderflows);
        _emit.JumpTo(ReturnLookup);
        return start;
    }

    private void Count(int counter)
    {
        _emit.LoadContext(Scratch2, counter);
        _emit.LoadAddress(Scratch2, Scratch2, 1);
        _emit.StoreContext(counter, Scratch2);
    }

    /// <summary>Emits a sequence that is skipped unless the register is zero; RCX is lost, flags are not.</summary>
    private void WhenZero(HostRegister register, Action sequence)
    {
        if (register != Rcx)
        {
            _emit.Move(Rcx, register);
        }

        int zero = _emit.JumpIfRcxZero();
        int skip = _emit.Jump();
        _emit.PatchShort(zero);
        sequence();
        _emit.PatchHere(skip);
    }

    private void ReturnToMonitor()
    {
        _emit.LoadContext32(Rax, ContextOffsets.ExitReason);
        _emit.LoadContext(Rsp, ContextOffsets.HostStack);
        _emit.Bytes([0x48, 0x83, 0xC4, 0x08]);
        for (int i = s_calleeSaved.Length - 1; i >= 0; i--)
        {
            _emit.Pop(s_calleeSaved[i]);
        }

        _emit.Return();
    }

    private void StorePinned()
    {
        foreach (HostRegister register in s_pinned)
        {
            _emit.StoreContext((int)register * 8, register);
        }

        _emit.StoreContext((int)Rsp * 8, GuestStack);
    }

    private void LoadPinned()
    {
        foreach (HostRegister register in s_pinned)
        {
            _emit.LoadContext(register, (int)register * 8);
        }

        _emit.LoadContext(GuestStack, (int)Rsp * 8);
    }

    /// <summary>Saves the guest's x87 and vector state and gives the monitor the state that the ABI promises it.</summary>
    private void SaveExtendedState()
    {
        LoadExtendedStateMask();
        _emit.MoveImmediate(Rcx, (ulong)ContextOffsets.ExtendedState(_context));

        // xsave64 [rcx]; then fninit, vzeroupper and the default MXCSR.
        _emit.Bytes([0x48, 0x0F, 0xAE, 0x21, 0xDB, 0xE3, 0xC5, 0xF8, 0x77]);
        _emit.Bytes([0x68, 0x80, 0x1F, 0x00, 0x00, 0x0F, 0xAE, 0x14, 0x24]);
        _emit.Pop(Rcx);
    }

    private void RestoreArea()
    {
        LoadExtendedStateMask();
        _emit.MoveImmediate(Rcx, (ulong)ContextOffsets.ExtendedState(_context));

        // xrstor64 [rcx].
        _emit.Bytes([0x48, 0x0F, 0xAE, 0x29]);
    }

    private void LoadExtendedStateMask()
    {
        _emit.LoadContext32(Rax, ContextOffsets.ExtendedStateMask);
        _emit.LoadContext32(Rdx, ContextOffsets.ExtendedStateMask + 4);
    }

    private void JumpRegister(HostRegister register)
    {
        _emit.Byte(0x41);
        _emit.Byte(0xFF);
        _emit.Byte((byte)(0xE0 | ((int)register & 7)));
    }
}
