using System.Runtime.InteropServices;
using Nacelle.Kvm.Interop;
using Nacelle.Linux;
using Nacelle.Memory;

namespace Nacelle.Kvm;

/// <summary>The VM's memory slots, one for each range of RAM, and which of their pages the guest has written.</summary>
/// <remarks>
/// Safe from any thread: one lock guards slots, rings and what was gathered; vCPUs take it only when a ring is full. Pages
/// that devices write are not in here.
/// </remarks>
public sealed unsafe class KvmDirtyLog : IDisposable
{
    private readonly Lock _lock = new();
    private readonly KvmHandle _vm;
    private readonly GuestMemory _ram;
    private readonly bool _useRings;
    private readonly List<KvmDirtyRing> _rings = [];
    private readonly ulong[]?[] _gathered;
    private bool _enabled;

    internal KvmDirtyLog(KvmHandle vm, GuestMemory ram, bool useRings)
    {
        _vm = vm;
        _ram = ram;
        _useRings = useRings;
        _gathered = new ulong[ram.Ranges.Count][];
        SetSlots(flags: 0);
    }

    /// <summary>Whether writes are being logged.</summary>
    public bool Enabled
    {
        get
        {
            lock (_lock)
            {
                return _enabled;
            }
        }
    }

    /// <summary>Begins to log writes, with every page clean.</summary>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void Start() => Set(true);

    /// <summary>Ends it.</summary>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void Stop() => Set(false);

    /// <summary>
    /// Moves what was written since the last call into a bitmap, and logs anew. While a vCPU runs it may hold back its
    /// latest writes; a last collection that must be complete comes after every vCPU has left
    /// <see cref="Cpu.IVirtualCpu.Run"/>.
    /// </summary>
    /// <param name="range">Index in <see cref="GuestMemory.Ranges"/>.</param>
    /// <param name="bitmap">Bit n of word m is page 64 m + n of the range; bits are added to those that are there.</param>
    /// <exception cref="InvalidOperationException">Writes are not being logged.</exception>
    /// <exception cref="LinuxException">The host refused.</exception>
    public void Collect(int range, Span<ulong> bitmap)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(range);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(range, _gathered.Length);
        ArgumentOutOfRangeException.ThrowIfLessThan(bitmap.Length, Words(range), nameof(bitmap));
        lock (_lock)
        {
            if (!_enabled || _gathered[range] is not ulong[] gathered)
            {
                throw new InvalidOperationException("dirty pages were asked for while they are not logged: call Start first");
            }

            if (_useRings)
            {
                Harvest();
            }
            else
            {
                fixed (ulong* words = gathered)
                {
                    KvmDirtyLogRequest request = new() { Slot = (uint)range, Bitmap = words };
                    _vm.Call(KvmRequest.GetDirtyLog, &request, "read the dirty log");
                }
            }

            for (int i = 0; i < gathered.Length; i++)
            {
                bitmap[i] |= gathered[i];
            }

            Array.Clear(gathered);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (KvmDirtyRing ring in _rings)
            {
                ring.Dispose();
            }

            _rings.Clear();
        }
    }

    internal void Add(KvmDirtyRing ring)
    {
        lock (_lock)
        {
            _rings.Add(ring);
        }
    }

    /// <summary>Makes room in the rings; called by a vCPU that could not go on.</summary>
    /// <returns>Whether there was anything to take out, unless another thread was faster.</returns>
    internal bool Drain()
    {
        lock (_lock)
        {
            return Harvest();
        }
    }

    private int Words(int range) => (int)(((_ram.Ranges[range].Length / GuestMemory.PageSize) + 63) / 64);

    private void Set(bool enabled)
    {
        lock (_lock)
        {
            if (_enabled == enabled)
            {
                return;
            }

            SetSlots(enabled ? KvmMemoryRegion.LogDirtyPages : 0);
            for (int range = 0; range < _gathered.Length; range++)
            {
                _gathered[range] = enabled ? new ulong[Words(range)] : null;
            }

            _enabled = enabled;
        }
    }

    private void SetSlots(uint flags)
    {
        for (int i = 0; i < _ram.Ranges.Count; i++)
        {
            RamRange range = _ram.Ranges[i];
            KvmMemoryRegion region = new()
            {
                Slot = (uint)i,
                Flags = flags,
                GuestAddress = range.Start,
                Size = range.Length,
                HostAddress = (ulong)(_ram.HostAddress + range.FileOffset),
            };
            _vm.Call(
                KvmRequest.SetUserMemoryRegion, &region, $"give the VM {range.Length} bytes of RAM at 0x{range.Start:x}");
        }
    }

    private bool Harvest()
    {
        bool any = false;
        foreach (KvmDirtyRing ring in _rings)
        {
            while (ring.TryTake(out uint slot, out ulong page))
            {
                any = true;
                if (slot < _gathered.Length && _gathered[slot] is ulong[] bitmap && page / 64 < (ulong)bitmap.Length)
                {
                    bitmap[page / 64] |= 1UL << (int)(page % 64);
                }
            }
        }

        if (any && _vm.Try(KvmRequest.ResetDirtyRings, 0) < 0)
        {
            throw new LinuxException("reset the dirty rings", Marshal.GetLastPInvokeError());
        }

        return any;
    }
}
