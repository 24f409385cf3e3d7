using System.Collections.Immutable;
using Nacelle.Cpu;

namespace Nacelle.Control.Gdb;

/// <summary>The break and watch points that gdb has inserted, as its "Z" and "z" packets name them. Immutable.</summary>
/// <param name="Breakpoints">Address and whether gdb calls it a software breakpoint, which it tells apart in stop replies.</param>
/// <param name="Watchpoints">Data.</param>
internal sealed record GdbPoints(ImmutableDictionary<ulong, bool> Breakpoints, ImmutableArray<Watchpoint> Watchpoints)
{
    /// <summary>Most points of each kind: a client cannot make the monitor grow without bound.</summary>
    public const int Most = 4096;

    /// <summary>Longest watched range in bytes.</summary>
    public const int LongestWatch = 4096;

    /// <summary>None.</summary>
    public static GdbPoints None { get; } = new(ImmutableDictionary<ulong, bool>.Empty, []);

    /// <summary>With one more, or without one.</summary>
    /// <param name="type">0 and 1 breakpoints, 2 write, 3 read and 4 access watchpoints.</param>
    /// <param name="address">Linear address.</param>
    /// <param name="length">Bytes that are watched.</param>
    /// <param name="insert">Whether it is inserted; what is there already or is not there stays so.</param>
    /// <returns>Null where it makes no sense or there are too many.</returns>
    public GdbPoints? Change(ulong type, ulong address, ulong length, bool insert)
    {
        if (type <= 1)
        {
            ImmutableDictionary<ulong, bool> breakpoints =
                insert ? Breakpoints.SetItem(address, type == 0) : Breakpoints.Remove(address);
            return breakpoints.Count > Most ? null : this with { Breakpoints = breakpoints };
        }

        if (length is 0 or > LongestWatch)
        {
            return null;
        }

        WatchpointKind kind = type switch
        {
            2 => WatchpointKind.Write,
            3 => WatchpointKind.Read,
            _ => WatchpointKind.Access,
        };
        Watchpoint watchpoint = new(address, (int)length, kind);
        ImmutableArray<Watchpoint> watchpoints = Watchpoints.Remove(watchpoint);
        watchpoints = insert ? watchpoints.Add(watchpoint) : watchpoints;
        return watchpoints.Length > Most ? null : this with { Watchpoints = watchpoints };
    }
}
