using System.Diagnostics;
using Nacelle.Linux;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Memory;

/// <summary>
/// Places in user code that remember which entry of the soft TLB they used last. Most stay in a page for long; one that roams
/// is translated anew, to select the entry by the address each time. Owned by the vCPU's thread.
/// </summary>
internal sealed class AccessSites : IDisposable
{
    // What a byte counts before it is zero again.
    private const int Patience = 256;
    private const int MostRoaming = 1 << 20;

    // A miss costs some 20 cycles, most of them for the mispredicted branch: within this time they are a tenth of it.
    private static readonly TimeSpan s_soon = TimeSpan.FromMicroseconds(Patience * 0.2);
    private readonly HostArray<long> _since = new(TranslatorContext.AccessSites);
    private readonly HashSet<ulong> _roaming = [];
    private readonly HashSet<ulong> _conflicting = [];
    private ulong _distance;
    private bool _remember;
    private int _last;

    /// <summary>Begins a block.</summary>
    /// <param name="rip">Linear address of its first byte now.</param>
    /// <param name="physicalAddress">Guest-physical address of it.</param>
    /// <param name="remember">Whether its accesses are to remember: where groups have been given up, a page has just ended.</param>
    public void Begin(ulong rip, ulong physicalAddress, bool remember)
    {
        _distance = physicalAddress - rip;
        _remember = remember;
    }

    /// <summary>Gives an access a place to remember in. There are more accesses than places: some share one, which does no harm.</summary>
    public int Next() => _last = (_last + 1) % TranslatorContext.AccessSites;

    /// <summary>Whether an instruction of the block is to select its entry by the address each time.</summary>
    public bool IsRoaming(ulong rip) => !_remember || (_roaming.Count != 0 && _roaming.Contains(rip + _distance));

    /// <summary>An access has used another entry than the last time as often as it may.</summary>
    /// <param name="site">Its place.</param>
    /// <param name="physicalAddress">Guest-physical address of the instruction.</param>
    /// <returns>Whether that was too fast, so that the instruction is to be translated anew.</returns>
    public bool Roams(int site, ulong physicalAddress)
    {
        long now = Stopwatch.GetTimestamp();
        bool soon = Stopwatch.GetElapsedTime(_since[site], now) < s_soon;
        _since[site] = now;
        if (!soon)
        {
            return false;
        }

        if (_roaming.Count == MostRoaming)
        {
            _roaming.Clear();
        }

        _roaming.Add(physicalAddress);
        return true;
    }

    /// <summary>Whether an instruction of the block is to look into the other of the two places that a page may be in.</summary>
    public bool IsConflicting(ulong rip) => _conflicting.Count != 0 && _conflicting.Contains(rip + _distance);

    /// <summary>An access has been found to displace others from the places that the low bits of addresses select.</summary>
    /// <param name="physicalAddress">Guest-physical address of the instruction.</param>
    /// <returns>Whether that is new, so that the instruction is to be translated anew.</returns>
    public bool Conflicts(ulong physicalAddress)
    {
        if (_conflicting.Count == MostRoaming)
        {
            _conflicting.Clear();
        }

        return _conflicting.Add(physicalAddress);
    }

    /// <inheritdoc/>
    public void Dispose() => _since.Dispose();
}
