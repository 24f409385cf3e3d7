using System.Runtime.InteropServices;

namespace Nacelle.Linux;

/// <summary>A terminal's line settings (termios(3)): read, changed to raw and put back.</summary>
/// <remarks>A value object; safe from any thread.</remarks>
public sealed unsafe partial class Terminal
{
    // glibc's struct termios has 60 bytes on x86-64; the rest is room.
    private const int SettingsSize = 64;
    private const int InputFlags = 0;
    private const int OutputFlags = 4;
    private const int ControlFlags = 8;
    private const int LocalFlags = 12;
    private const int ControlCharacters = 17;
    private readonly byte[] _settings;

    private Terminal(byte[] settings) => _settings = settings;

    /// <summary>Whether the descriptor is a terminal.</summary>
    public static bool IsTerminal(int descriptor) => IsATty(descriptor) == 1;

    /// <summary>How many columns a terminal has.</summary>
    /// <returns>Null when the descriptor is not a terminal, or one that does not say.</returns>
    public static int? Columns(int descriptor)
    {
        // TIOCGWINSZ of ioctl_tty(2): rows, columns, and two numbers of pixels.
        const nuint getWindowSize = 0x5413;
        ushort* size = stackalloc ushort[4];
        return Control(descriptor, getWindowSize, size) == 0 && size[1] > 0 ? size[1] : null;
    }

    /// <summary>Whether this process may use the terminal: it belongs to the terminal's foreground process group.</summary>
    public static bool IsForeground(int descriptor) => ForegroundGroup(descriptor) == OwnGroup();

    /// <summary>Reads the settings of a terminal.</summary>
    /// <returns>Null when the descriptor is not a terminal, or one that hung up.</returns>
    public static Terminal? Read(int descriptor)
    {
        byte[] settings = new byte[SettingsSize];
        fixed (byte* pointer = settings)
        {
            return GetAttributes(descriptor, pointer) == 0 ? new Terminal(settings) : null;
        }
    }

    /// <summary>
    /// The same settings with all processing switched off: each key arrives at once and as it is, and output is not changed
    /// (what cfmakeraw(3) does).
    /// </summary>
    public Terminal ToRaw()
    {
        // IGNBRK BRKINT PARMRK ISTRIP INLCR IGNCR ICRNL IXON; OPOST; ISIG ICANON ECHO ECHONL IEXTEN; CSIZE PARENB; CS8.
        const uint input = 0x5EB;
        const uint output = 1;
        const uint local = 0x804B;
        const uint characterSize = 0x130;
        const uint eightBits = 0x30;
        const int minimumTime = 5;
        const int minimumCount = 6;
        byte[] raw = (byte[])_settings.Clone();
        Span<byte> bytes = raw;
        Change(bytes, InputFlags, input, 0);
        Change(bytes, OutputFlags, output, 0);
        Change(bytes, ControlFlags, characterSize, eightBits);
        Change(bytes, LocalFlags, local, 0);
        bytes[ControlCharacters + minimumTime] = 0;
        bytes[ControlCharacters + minimumCount] = 1;
        return new Terminal(raw);
    }

    /// <summary>Gives a terminal these settings at once. Does not stop a background process.</summary>
    /// <returns>Whether the terminal took them.</returns>
    public bool Apply(int descriptor)
    {
        // SIGTTOU would stop a process that is not in the foreground; blocked, the call goes through (tcsetattr(3)).
        const int block = 0;
        const int restore = 2;
        const int backgroundWrite = 22;
        ulong* signals = stackalloc ulong[16];
        ulong* before = stackalloc ulong[16];
        new Span<ulong>(signals, 16).Clear();
        new Span<ulong>(before, 16).Clear();
        signals[0] = 1UL << (backgroundWrite - 1);
        bool masked = SignalMask(block, signals, before) == 0;
        try
        {
            // Not TCSADRAIN: output that nobody takes (Ctrl-S, a stuck pseudo-terminal) would make this wait for ever.
            const int now = 0;
            fixed (byte* pointer = _settings)
            {
                return SetAttributes(descriptor, now, pointer) == 0;
            }
        }
        finally
        {
            if (masked)
            {
                _ = SignalMask(restore, before, null);
            }
        }
    }

    private static void Change(Span<byte> settings, int offset, uint clear, uint set)
    {
        uint value = MemoryMarshal.Read<uint>(settings[offset..]);
        MemoryMarshal.Write(settings[offset..], (value & ~clear) | set);
    }

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsATty(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Control(int descriptor, nuint request, ushort* size);

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetAttributes(int descriptor, byte* settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetAttributes(int descriptor, int when, byte* settings);

    [LibraryImport("libc", EntryPoint = "tcgetpgrp")]
    private static partial int ForegroundGroup(int descriptor);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    private static partial int OwnGroup();

    [LibraryImport("libc", EntryPoint = "pthread_sigmask")]
    private static partial int SignalMask(int how, ulong* signals, ulong* before);
}
