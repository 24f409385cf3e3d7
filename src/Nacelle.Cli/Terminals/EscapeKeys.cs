namespace Nacelle.Cli;

/// <summary>What a person asked of the monitor with the escape key.</summary>
internal enum EscapeCommand
{
    /// <summary>Nothing: the keys were for the guest.</summary>
    None,

    /// <summary>End the machine.</summary>
    Quit,

    /// <summary>Pause the machine, or let it go on.</summary>
    PauseOrContinue,

    /// <summary>Press the power button.</summary>
    PowerButton,

    /// <summary>List the commands.</summary>
    Help,
}

/// <summary>Finds the escape key and what follows it among the keys for the guest.</summary>
/// <param name="escape">The key's byte, such as 0x1D for Ctrl-]; null for none.</param>
/// <remarks>Belongs to the thread that reads the keys.</remarks>
internal sealed class EscapeKeys(byte? escape)
{
    private bool _pending;

    /// <summary>Takes keys up to and including the first command.</summary>
    /// <param name="keys">What was typed; advanced past what was taken.</param>
    /// <param name="forGuest">Room for as many bytes as there are keys.</param>
    /// <param name="count">Bytes for the guest.</param>
    /// <returns>The command, once the bytes before it have gone to the guest.</returns>
    internal EscapeCommand Take(ref ReadOnlySpan<byte> keys, Span<byte> forGuest, out int count)
    {
        count = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            byte key = keys[i];
            if (!_pending)
            {
                if (key == escape)
                {
                    _pending = true;
                }
                else
                {
                    forGuest[count++] = key;
                }

                continue;
            }

            _pending = false;
            if (key == escape)
            {
                forGuest[count++] = key;
                continue;
            }

            keys = keys[(i + 1)..];
            return key switch
            {
                (byte)'q' or (byte)'x' => EscapeCommand.Quit,
                (byte)'p' => EscapeCommand.PauseOrContinue,
                (byte)'b' => EscapeCommand.PowerButton,
                _ => EscapeCommand.Help,
            };
        }

        keys = default;
        return EscapeCommand.None;
    }
}
