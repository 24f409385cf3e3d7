using System.Runtime.InteropServices;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>How a run ended.</summary>
internal enum Ending : ulong
{
    /// <summary>Not run.</summary>
    None,

    /// <summary>Through the gateway.</summary>
    Finished,

    /// <summary>With an exception.</summary>
    Fault,

    /// <summary>Not in the time allowed.</summary>
    TimedOut,
}

/// <summary>A user program's processor state before or after a run. Native code reads and writes it by these offsets.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
internal unsafe struct ProcessorImage
{
    public const int SizeInBytes = 4096;
    public const int RipOffset = 128;
    public const int FlagsOffset = 136;
    public const int FsBaseOffset = 144;
    public const int GsBaseOffset = 152;
    public const int VectorOffset = 160;
    public const int ErrorCodeOffset = 168;
    public const int FaultAddressOffset = 176;
    public const int EndingOffset = 184;
    public const int ExtendedStateOffset = 1024;

    /// <summary>Bytes kept of XSAVE's area: x87 to AVX-512.</summary>
    public const int ExtendedStateSize = 2688;

    /// <summary>RAX to R15.</summary>
    [FieldOffset(0)]
    public fixed ulong General[16];

    /// <summary>RIP.</summary>
    [FieldOffset(RipOffset)]
    public ulong Rip;

    /// <summary>RFLAGS.</summary>
    [FieldOffset(FlagsOffset)]
    public ulong Flags;

    /// <summary>Base of FS.</summary>
    [FieldOffset(FsBaseOffset)]
    public ulong FsBase;

    /// <summary>Base of GS.</summary>
    [FieldOffset(GsBaseOffset)]
    public ulong GsBase;

    /// <summary>Vector of the exception.</summary>
    [FieldOffset(VectorOffset)]
    public ulong Vector;

    /// <summary>Its error code.</summary>
    [FieldOffset(ErrorCodeOffset)]
    public ulong ErrorCode;

    /// <summary>CR2 of a page fault.</summary>
    [FieldOffset(FaultAddressOffset)]
    public ulong FaultAddress;

    /// <summary>How the run ended.</summary>
    [FieldOffset(EndingOffset)]
    public Ending Ending;

    /// <summary>x87 and vector state in the standard format of XSAVE.</summary>
    [FieldOffset(ExtendedStateOffset)]
    public fixed byte ExtendedState[ExtendedStateSize];
}
