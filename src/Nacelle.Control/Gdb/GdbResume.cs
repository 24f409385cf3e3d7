using System.Collections.Immutable;
using Nacelle.Machine;

namespace Nacelle.Control.Gdb;

/// <summary>Reads what each vCPU is to do from a vCont packet.</summary>
internal static class GdbResume
{
    /// <summary>The actions that are known, for "vCont?".</summary>
    public const string Supported = "vCont;c;C;s;S";

    /// <summary>Reads the actions; for each vCPU the first that names it counts.</summary>
    /// <param name="text">From the first semicolon on.</param>
    /// <param name="virtualCpus">How many there are.</param>
    /// <returns>Null where it is not understood or would leave all vCPUs standing.</returns>
    public static ImmutableArray<VirtualCpuMotion>? Read(ReadOnlySpan<byte> text, int virtualCpus)
    {
        VirtualCpuMotion?[] motions = new VirtualCpuMotion?[virtualCpus];
        while (!text.IsEmpty)
        {
            if (!GdbHex.TryTake(ref text, ';') || text.IsEmpty)
            {
                return null;
            }

            byte action = text[0];
            text = text[1..];

            // A signal means nothing to a machine.
            if (action is (byte)'C' or (byte)'S' && !GdbHex.TryTakeNumber(ref text, out _))
            {
                return null;
            }

            if (action is not ((byte)'c' or (byte)'C' or (byte)'s' or (byte)'S'))
            {
                return null;
            }

            GdbThread thread = GdbThread.All;
            if (GdbHex.TryTake(ref text, ':') && !GdbThread.TryTake(ref text, out thread))
            {
                return null;
            }

            for (int i = 0; i < virtualCpus; i++)
            {
                if (thread.Includes(i))
                {
                    motions[i] ??= action is (byte)'s' or (byte)'S' ? VirtualCpuMotion.Step : VirtualCpuMotion.Continue;
                    if (thread.IsAny)
                    {
                        break;
                    }
                }
            }
        }

        return motions.Any(motion => motion is not null)
            ? [.. motions.Select(motion => motion ?? VirtualCpuMotion.Stay)]
            : null;
    }
}

/// <summary>A thread as packets name it: vCPU numbers plus one, "-1" for all, "0" for any.</summary>
/// <param name="Number">-1, 0 or a vCPU's number plus one.</param>
internal readonly record struct GdbThread(int Number)
{
    /// <summary>All threads.</summary>
    public static GdbThread All { get; } = new(-1);

    /// <summary>Whether any one will do.</summary>
    public bool IsAny => Number == 0;

    /// <summary>Whether a vCPU is meant.</summary>
    public bool Includes(int virtualCpu) => Number is -1 or 0 || Number == virtualCpu + 1;

    /// <summary>Takes a thread off the front of a packet.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> text, out GdbThread thread)
    {
        bool minus = GdbHex.TryTake(ref text, '-');
        thread = All;
        if (!GdbHex.TryTakeNumber(ref text, out ulong number) || (minus && number != 1) || number > int.MaxValue)
        {
            return false;
        }

        thread = new GdbThread(minus ? -1 : (int)number);
        return true;
    }
}
