using System.Runtime.CompilerServices;
using Nacelle.Cpu;
using Nacelle.Memory;
using Nacelle.Translation.Cache;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>
/// Linear memory as the vCPU sees it: soft TLB, page-table walk, RAM, devices, and the watch over translated code. Owned by the
/// vCPU's thread.
/// </summary>
internal sealed unsafe class LinearMemory : ILinearMemory, IDisposable
{
    private const ulong PageMask = 0xFFF;
    private readonly TranslatorContext* _context;
    private readonly MachineBus _bus;
    private readonly CodeWatch _watch;
    private readonly int _physicalBits;
    private readonly CodePages _codePages = new();
    private readonly LargePages _largePages = new();
    private Fault _pendingFault;

    // The watched pages to which emitted code may be writing, because what it writes to there is not code.
    private readonly WriteClaims _claims = new();

    public LinearMemory(TranslatorContext* context, MachineBus bus, CodeWatch watch, int physicalBits)
    {
        _physicalBits = physicalBits;
        _context = context;
        _bus = bus;
        _watch = watch;
        UnseenWrites = watch.CreateUnseenWrites();
        Tlb = new SoftTlb(context, bus.Ram.Size / GuestMemory.PageSize);
        context->RamAddress = (ulong)bus.Ram.HostAddress;
        context->UnseenWrites = (ulong)UnseenWrites.Address;
    }

    /// <inheritdoc/>
    public ref Fault PendingFault => ref _pendingFault;

    /// <summary>The soft TLBs.</summary>
    public SoftTlb Tlb { get; }

    /// <summary>Pages that emitted code may write to without the watch's learning of it.</summary>
    public UnseenWrites UnseenWrites { get; }

    /// <summary>What the vCPU is in; set by it on every change.</summary>
    /// <remarks>It is in the context because translated code changes it where it lifts SMAP.</remarks>
    public ExecutionMode Mode
    {
        get => new(_context->Mode);
        set => _context->Mode = value.Bits;
    }

    /// <summary>Told of invalidations, for what else depends on page tables.</summary>
    public Action<TlbInvalidation, ulong>? Invalidated { get; set; }

    /// <inheritdoc/>
    public bool TryRead(ulong address, int size, LinearAccess access, out ulong value)
    {
        int tlb = TlbOf(access);
        if (Tlb.TryGet(tlb, address, size, write: false, out byte* host))
        {
            value = ReadHost(host, size);
            return true;
        }

        ulong buffer = 0;
        bool done = TryCopyIn(tlb, address, (byte*)&buffer, size);
        value = buffer;
        return done;
    }

    /// <inheritdoc/>
    public bool TryWrite(ulong address, int size, LinearAccess access, ulong value)
    {
        int tlb = TlbOf(access);
        if (Tlb.TryGet(tlb, address, size, write: true, out byte* host))
        {
            WriteHost(host, size, value);
            return true;
        }

        return TryCopyOut(tlb, address, (byte*)&value, size);
    }

    /// <inheritdoc/>
    public void Invalidate(TlbInvalidation kind, ulong address)
    {
        if (kind == TlbInvalidation.Page && _largePages.Contains(address))
        {
            kind = TlbInvalidation.All;
        }

        switch (kind)
        {
            case TlbInvalidation.Page:
                Tlb.ClearPage(address);
                _codePages.ClearPage(address);
                break;
            case TlbInvalidation.NonGlobal:
                Tlb.ClearNonGlobal();
                _codePages.ClearNonGlobal();
                _largePages.ClearNonGlobal();
                break;
            case TlbInvalidation.Data:
                Tlb.Clear();
                return;
            default:
                Tlb.Clear();
                _codePages.Clear();
                _largePages.Clear();
                break;
        }

        Invalidated?.Invoke(kind, address);
    }

    /// <summary>The TLB of ordinary accesses now.</summary>
    public int CurrentTlb => Mode.Tlb;

    /// <summary>
    /// Finds a host pointer for an access of emitted code, or null when it is refused (the fault is pending) or has to be made
    /// through the bounce buffer.
    /// </summary>
    /// <param name="address">Linear address.</param>
    /// <param name="size">Bytes.</param>
    /// <param name="write">Whether it writes.</param>
    /// <param name="careful">Set when the bounce buffer is needed.</param>
    public byte* Resolve(ulong address, int size, bool write, out bool careful)
    {
        careful = false;
        int tlb = Mode.Tlb;
        if ((address & PageMask) + (ulong)size > 4096)
        {
            return ResolveAcross(tlb, address, size, write, out careful);
        }

        if (!TryFill(tlb, address, write, out ulong physical, out byte* host))
        {
            return null;
        }

        if (host == null || (write && !IsFree(physical, size)))
        {
            careful = true;
            return null;
        }

        return host;
    }

    /// <summary>
    /// Finds a host pointer for an access of which only a mask knows what it touches, or null where that cannot be had without
    /// a trace: it does not fault and sets no accessed or dirty bit, for the mask may select nothing.
    /// </summary>
    public byte* ResolveMasked(ulong address, int size, bool write)
    {
        int tlb = Mode.Tlb;
        PageAccess access = write ? PageAccess.Write : PageAccess.Read;
        if ((address & PageMask) + (ulong)size > 4096
            || !PageTables.TryWalk(_context->Registers, _bus.Ram, address, access, tlb, _physicalBits, out PageWalk walk, out _, mark: false)
            || !walk.IsMarked || !_bus.Ram.TryGetHostAddress(walk.PhysicalAddress & ~PageMask, 4096, out byte* page))
        {
            return null;
        }

        ulong physical = walk.PhysicalAddress;
        bool unseen = walk.IsWritable && _watch.TryWriteUnseen(physical & ~PageMask, UnseenWrites);
        Tlb.Fill(tlb, address, walk, page, unseen);
        _largePages.Note(address, walk);
        return write && !unseen && !IsFree(physical, size) ? null : page + (physical & PageMask);
    }

    /// <summary>
    /// What lies across pages is put together in the bounce buffer; as far from a 64-byte boundary as it is in the guest, for
    /// instructions that insist on alignment.
    /// </summary>
    private byte* ResolveAcross(int tlb, ulong address, int size, bool write, out bool careful)
    {
        ulong second = (address | PageMask) + 1;
        uint inFirst = (uint)(second - address);
        uint inSecond = (uint)size - inFirst;
        careful = false;
        if (!TryFill(tlb, address, write, out ulong physical, out byte* first)
            || !TryFill(tlb, second, write, out ulong physicalRest, out byte* rest))
        {
            return null;
        }

        bool copiedBack = ((AccessKind)_context->AccessKind & AccessKind.CopiedBack) != 0;
        if (first == null || rest == null
            || (write && !(copiedBack
                && _watch.TryWriteUnseen(physical, UnseenWrites) && _watch.TryWriteUnseen(physicalRest, UnseenWrites))))
        {
            careful = true;
            return null;
        }

        byte* bounce = ContextOffsets.Bounce(_context) + (address & 63);
        Unsafe.CopyBlockUnaligned(bounce, first, inFirst);
        Unsafe.CopyBlockUnaligned(bounce + inFirst, rest, inSecond);
        if (write)
        {
            _context->BouncePointer = (ulong)bounce;
            _context->FirstPart = (ulong)first;
            _context->FirstLength = inFirst;
            _context->SecondPart = (ulong)rest;
            _context->SecondLength = inSecond;
        }

        return bounce;
    }

    /// <summary>Makes sure that a range can be written, before anything is done that cannot be undone.</summary>
    public bool TryProbeWrite(ulong address, int length) => TryTouch(Mode.Tlb, address, length, write: true);

    /// <summary>Makes sure that a range can be read, and touches nothing.</summary>
    public bool TryProbeRead(ulong address, int length) => TryTouch(Mode.Tlb, address, length, write: false);

    /// <summary>Copies code out of RAM.</summary>
    /// <returns>False where the address is not RAM: code in device registers is not executed.</returns>
    public bool TryReadCode(ulong physical, Span<byte> destination) => _bus.Ram.TryRead(physical, destination);

    /// <summary>Copies from linear memory; all or nothing, but for devices.</summary>
    public bool TryCopyIn(int tlb, ulong address, byte* destination, int length)
    {
        if (!TryTouch(tlb, address, length, write: false))
        {
            return false;
        }

        while (length > 0)
        {
            int here = (int)Math.Min((ulong)length, 4096 - (address & PageMask));
            if (!TryFill(tlb, address, write: false, out ulong physical, out byte* host))
            {
                return false;
            }

            if (host != null)
            {
                Unsafe.CopyBlockUnaligned(destination, host, (uint)here);
            }
            else
            {
                ReadDevice(physical, destination, here);
            }

            destination += here;
            address += (ulong)here;
            length -= here;
        }

        return true;
    }

    /// <summary>Copies to linear memory; all or nothing, but for devices. Translated code that it overwrites is dropped.</summary>
    public bool TryCopyOut(int tlb, ulong address, byte* source, int length)
    {
        if (!TryTouch(tlb, address, length, write: true))
        {
            return false;
        }

        while (length > 0)
        {
            int here = (int)Math.Min((ulong)length, 4096 - (address & PageMask));
            if (!TryFill(tlb, address, write: true, out ulong physical, out byte* host))
            {
                return false;
            }

            if (host != null)
            {
                Unsafe.CopyBlockUnaligned(host, source, (uint)here);
                Interlocked.MemoryBarrier();
                if (_watch.Overlaps(physical, here))
                {
                    _watch.Changed(physical, here);
                }
            }
            else
            {
                WriteDevice(physical, source, here);
            }

            source += here;
            address += (ulong)here;
            length -= here;
        }

        return true;
    }

    /// <summary>Host pointer to RAM for an access within a page by string operations, or null for a device.</summary>
    /// <returns>False for a fault.</returns>
    public bool TryGetPage(ulong address, bool write, out ulong physical, out byte* host)
    {
        if (Tlb.TryGet(Mode.Tlb, address, 1, write, out host))
        {
            physical = ulong.MaxValue;
            return true;
        }

        return TryFill(Mode.Tlb, address, write, out physical, out host);
    }

    /// <summary>Tells the watch of a write that went through a pointer of <see cref="TryGetPage"/>.</summary>
    public void NoteWrite(ulong physical, int length)
    {
        if (physical == ulong.MaxValue)
        {
            return;
        }

        // The write has to be visible before the chunks are looked at: who watches them next reads the new bytes.
        Interlocked.MemoryBarrier();
        if (_watch.Overlaps(physical, length))
        {
            _watch.Changed(physical, length);
        }
    }

    /// <summary>From any thread: whether emitted code may be writing to a watched page, to bytes that were no code.</summary>
    public bool IsWritingTo(ulong page) => _claims.Contains(page);

    /// <summary>Sends writes of emitted code to a guest-physical page the slow way. At a poll.</summary>
    /// <returns>Whether any could have gone straight so far.</returns>
    public bool Protect(ulong page) => _watch.EndUnseenWrites(page, UnseenWrites)
        && _bus.Ram.TryGetHostAddress(page, GuestMemory.PageSize, out byte* hostPage) && Tlb.Protect(hostPage);

    /// <summary>Sends all writes of emitted code the slow way. At a poll.</summary>
    /// <param name="wrote">Told of each page to which there may have been one that nobody has learnt of.</param>
    public void ProtectAll(Action<ulong> wrote)
    {
        UnseenWrites.Clear();
        Tlb.Clear();
        _claims.End(wrote);
    }

    /// <summary>Emitted code has come to a poll: its writes are done.</summary>
    /// <returns>Whether there may have been one to this page.</returns>
    public bool EndWritingTo(ulong page) => _claims.Remove(page);

    /// <summary>Emitted code has been left, and nobody has asked it to stop: its writes are done.</summary>
    public void EndWriting() => _claims.Clear();

    /// <summary>Whether emitted code may have claims to end.</summary>
    public bool IsWriting => _claims.Any;

    /// <summary>Whether emitted code may write to a range in one page: it is not code. Others are told in case it becomes code.</summary>
    private bool IsFree(ulong physical, int size)
    {
        if (_watch.TryWriteUnseen(physical, UnseenWrites))
        {
            return true;
        }

        return _claims.TryAdd(physical & ~PageMask) && !_watch.Overlaps(physical, size);
    }

    /// <summary>Translates the address of a fetch of code.</summary>
    public bool TryTranslateCode(ulong address, out ulong physical) => TryTranslateCode(address, out physical, out _);

    /// <summary>Translates the address of a fetch of code, and tells whether its page is global.</summary>
    public bool TryTranslateCode(ulong address, out ulong physical, out bool global)
    {
        if (_codePages.TryGet(Mode.Tlb, address, out physical, out global))
        {
            return true;
        }

        if (!PageTables.TryWalk(_context->Registers, _bus.Ram, address, PageAccess.Execute, Mode.Tlb, _physicalBits, out PageWalk walk, out _pendingFault))
        {
            return false;
        }

        physical = walk.PhysicalAddress;
        global = walk.IsGlobal;
        _largePages.Note(address, walk);
        _codePages.Set(Mode.Tlb, address, physical, global);
        return true;
    }

    /// <summary>Reads a device, in naturally aligned pieces.</summary>
    public void ReadDevice(ulong physical, byte* destination, int length)
    {
        while (length > 0)
        {
            int size = PieceOf(physical, length);
            ulong value = _bus.Memory.Read(physical, size);
            Unsafe.CopyBlockUnaligned(destination, &value, (uint)size);
            destination += size;
            physical += (ulong)size;
            length -= size;
        }
    }

    /// <summary>Writes a device, in naturally aligned pieces.</summary>
    public void WriteDevice(ulong physical, byte* source, int length)
    {
        while (length > 0)
        {
            int size = PieceOf(physical, length);
            ulong value = 0;
            Unsafe.CopyBlockUnaligned(&value, source, (uint)size);
            _bus.Memory.Write(physical, size, value);
            source += size;
            physical += (ulong)size;
            length -= size;
        }
    }

    /// <summary>When no vCPU runs any more.</summary>
    public void Dispose()
    {
        Tlb.Dispose();
        UnseenWrites.Dispose();
    }

    private static int PieceOf(ulong physical, int length)
    {
        int size = 8;
        while (size > length || (physical & (ulong)(size - 1)) != 0)
        {
            size >>= 1;
        }

        return size;
    }

    private static ulong ReadHost(byte* host, int size) => size switch
    {
        1 => *host,
        2 => *(ushort*)host,
        4 => *(uint*)host,
        _ => *(ulong*)host,
    };

    private static void WriteHost(byte* host, int size, ulong value)
    {
        switch (size)
        {
            case 1:
                *host = (byte)value;
                break;
            case 2:
                *(ushort*)host = (ushort)value;
                break;
            case 4:
                *(uint*)host = (uint)value;
                break;
            default:
                *(ulong*)host = value;
                break;
        }
    }

    private int TlbOf(LinearAccess access) => access switch
    {
        LinearAccess.Ordinary => Mode.Tlb,
        LinearAccess.User => 1,
        _ => 0,
    };

    /// <summary>Makes sure of every page of a range, so that what follows cannot stop half-way.</summary>
    private bool TryTouch(int tlb, ulong address, int length, bool write)
    {
        ulong last = address + (ulong)(length - 1);
        return TryFill(tlb, address, write, out _, out _)
            && ((last ^ address) <= PageMask || TryFill(tlb, last & ~PageMask, write, out _, out _));
    }

    /// <summary>Translates one address and enters its page into the TLB where it is RAM.</summary>
    /// <param name="host">Host pointer to the byte, or null where it is not RAM.</param>
    private bool TryFill(int tlb, ulong address, bool write, out ulong physical, out byte* host)
    {
        PageAccess access = write ? PageAccess.Write : PageAccess.Read;
        if (!PageTables.TryWalk(_context->Registers, _bus.Ram, address, access, tlb, _physicalBits, out PageWalk walk, out _pendingFault))
        {
            physical = 0;
            host = null;
            return false;
        }

        physical = walk.PhysicalAddress;
        ulong page = physical & ~PageMask;
        if (_bus.Ram.TryGetHostAddress(page, 4096, out byte* hostPage))
        {
            host = hostPage + (physical & PageMask);
            bool writable = walk.IsWritable && _watch.TryWriteUnseen(page, UnseenWrites);
            Tlb.Fill(tlb, address, walk, hostPage, writable);
            _largePages.Note(address, walk);
        }
        else
        {
            host = null;
        }

        return true;
    }
}
