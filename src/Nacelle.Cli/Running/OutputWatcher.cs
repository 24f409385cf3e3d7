namespace Nacelle.Cli;

/// <summary>Waits for a text in the guest's output, however the output is cut into pieces.</summary>
/// <remarks>Belongs to the thread that writes the output.</remarks>
internal sealed class OutputWatcher
{
    private readonly byte[] _text;
    private readonly int[] _fallback;
    private readonly Action _found;
    private int _matched;
    private bool _done;

    /// <summary>Begins to wait.</summary>
    /// <param name="text">What to wait for; not empty.</param>
    /// <param name="found">Called once, at the first place where it appears.</param>
    internal OutputWatcher(ReadOnlySpan<byte> text, Action found)
    {
        ArgumentOutOfRangeException.ThrowIfZero(text.Length);
        _text = text.ToArray();
        _found = found;
        _fallback = new int[_text.Length];
        for (int i = 1, length = 0; i < _text.Length; i++)
        {
            while (length > 0 && _text[i] != _text[length])
            {
                length = _fallback[length - 1];
            }

            length += _text[i] == _text[length] ? 1 : 0;
            _fallback[i] = length;
        }
    }

    /// <summary>Sees a piece of output.</summary>
    internal void Observe(ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length && !_done; i++)
        {
            while (_matched > 0 && bytes[i] != _text[_matched])
            {
                _matched = _fallback[_matched - 1];
            }

            _matched += bytes[i] == _text[_matched] ? 1 : 0;
            if (_matched == _text.Length)
            {
                _done = true;
                _found();
            }
        }
    }
}
