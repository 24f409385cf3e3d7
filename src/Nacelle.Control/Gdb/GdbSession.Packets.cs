using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Nacelle.Machine;

namespace Nacelle.Control.Gdb;

/// <content>What each packet does. An empty reply says that a packet is not known.</content>
internal sealed partial class GdbSession
{
    private const int NoEntry = 2;
    private const int NotPermitted = 1;
    private const int BadAddress = 14;
    private const int Invalid = 22;
    private const int NoSpace = 28;

    // Half of what fits into a reply, as each byte has two digits.
    private const int LongestRead = GdbPacketReader.LongestPacket / 2;

    private void Handle(ReadOnlySpan<byte> packet)
    {
        if (IsRunning)
        {
            // gdb does not speak while it waits for a stop; whoever does is answered when there is one.
            return;
        }

        string? reply = packet.IsEmpty ? "" : Answer(packet);
        if (reply is not null)
        {
            Reply(reply);
        }
    }

    /// <summary>The reply, or null where it comes later or never.</summary>
    private string? Answer(ReadOnlySpan<byte> packet)
    {
        ReadOnlySpan<byte> rest = packet[1..];
        switch (packet[0])
        {
            case (byte)'?':
                return _stopReply;
            case (byte)'g':
                return ReadAll();
            case (byte)'G':
                return WriteAll(rest);
            case (byte)'p':
                return ReadOne(rest);
            case (byte)'P':
                return WriteOne(rest);
            case (byte)'m':
                return ReadMemory(rest);
            case (byte)'M':
                return WriteMemory(rest, binary: false);
            case (byte)'X':
                return WriteMemory(rest, binary: true);
            case (byte)'Z':
                return ChangePoint(rest, insert: true);
            case (byte)'z':
                return ChangePoint(rest, insert: false);
            case (byte)'H':
                return ChooseThread(rest);
            case (byte)'T':
                return GdbThread.TryTake(ref rest, out GdbThread thread) && thread.Number >= 1 && thread.Number <= _target.VirtualCpus
                    ? "OK"
                    : Error(NoEntry);
            case (byte)'c' or (byte)'C' or (byte)'s' or (byte)'S':
                return ResumePlainly(packet);
            case (byte)'D':
                Reply("OK");
                End();
                return null;
            case (byte)'k':
                IsOver = true;
                _target.Kill();
                return null;
            case (byte)'q' or (byte)'Q':
                return Query(Encoding.Latin1.GetString(packet));
            case (byte)'v':
                return Verbose(packet);
            default:
                return "";
        }
    }

    private string? Verbose(ReadOnlySpan<byte> packet)
    {
        if (packet.SequenceEqual("vCont?"u8))
        {
            return GdbResume.Supported;
        }

        if (packet.StartsWith("vCont;"u8))
        {
            if (GdbResume.Read(packet["vCont".Length..], _target.VirtualCpus) is not ImmutableArray<VirtualCpuMotion> motions)
            {
                return Error(Invalid);
            }

            Resume(motions);
            return null;
        }

        if (packet.StartsWith("vKill;"u8))
        {
            Reply("OK");
            IsOver = true;
            _target.Kill();
            return null;
        }

        return "";
    }

    private string Query(string packet)
    {
        if (packet.StartsWith("qSupported", StringComparison.Ordinal))
        {
            string[] offered = packet[(packet.IndexOf(':', StringComparison.Ordinal) + 1)..].Split(';');
            _tellsSoftware = offered.Contains("swbreak+");
            _tellsHardware = offered.Contains("hwbreak+");
            return $"PacketSize={GdbPacketReader.LongestPacket:x};qXfer:features:read+;QStartNoAckMode+;swbreak+;hwbreak+;vContSupported+";
        }

        const string features = "qXfer:features:read:target.xml:";
        const string extra = "qThreadExtraInfo,";
        switch (packet)
        {
            case "QStartNoAckMode":
                _noAcknowledgements = true;
                return "OK";
            case "qC":
                return $"QC{GdbHex.Write((ulong)_general + 1)}";
            case "qfThreadInfo":
                return $"m{string.Join(',', Enumerable.Range(1, _target.VirtualCpus).Select(i => GdbHex.Write((ulong)i)))}";
            case "qsThreadInfo":
                return "l";
            case "qAttached":
                return "1";
            default:
                break;
        }

        return packet.StartsWith(features, StringComparison.Ordinal) ? Piece(GdbTargetDescription.Text, packet[features.Length..])
            : packet.StartsWith("qXfer:features:read:", StringComparison.Ordinal) ? "E00"
            : packet.StartsWith(extra, StringComparison.Ordinal) ? Describe(packet[extra.Length..])
            : "";
    }

    /// <summary>"offset,length" of a document: "m" and a piece with more behind it, or "l" and the last one.</summary>
    private static string Piece(string document, string range)
    {
        ReadOnlySpan<byte> text = Encoding.Latin1.GetBytes(range);
        if (!TryTakeRange(ref text, out ulong offset, out ulong length) || !text.IsEmpty)
        {
            return Error(Invalid);
        }

        if (offset >= (ulong)document.Length)
        {
            return "l";
        }

        // Escapes may double it.
        int count = (int)Math.Min(Math.Min(length, LongestRead - 1), (ulong)document.Length - offset);
        string piece = document.Substring((int)offset, count);
        return (int)offset + count == document.Length ? $"l{piece}" : $"m{piece}";
    }

    private string Describe(string thread)
    {
        ReadOnlySpan<byte> text = Encoding.Latin1.GetBytes(thread);
        return GdbHex.TryTakeNumber(ref text, out ulong number) && number >= 1 && number <= (ulong)_target.VirtualCpus
            ? GdbHex.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"vCPU {number - 1}")))
            : Error(NoEntry);
    }

    private string ChooseThread(ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty)
        {
            return Error(Invalid);
        }

        byte use = rest[0];
        rest = rest[1..];
        if (!GdbThread.TryTake(ref rest, out GdbThread thread) || thread.Number > _target.VirtualCpus)
        {
            return Error(NoEntry);
        }

        switch (use)
        {
            case (byte)'g':
                _general = thread.Number > 0 ? thread.Number - 1 : _general;
                return "OK";
            case (byte)'c':
                _resumed = thread;
                return "OK";
            default:
                return "";
        }
    }

    /// <summary>"c", "s", "C" and "S", for clients without vCont: of the thread chosen by "Hc", the others run along.</summary>
    private string? ResumePlainly(ReadOnlySpan<byte> packet)
    {
        bool step = packet[0] is (byte)'s' or (byte)'S';
        ReadOnlySpan<byte> rest = packet[1..];
        if (packet[0] is (byte)'C' or (byte)'S')
        {
            if (!GdbHex.TryTakeNumber(ref rest, out _))
            {
                return Error(Invalid);
            }

            _ = GdbHex.TryTake(ref rest, ';');
        }

        int chosen = _resumed.Number > 0 ? _resumed.Number - 1 : _general;
        if (GdbHex.TryTakeNumber(ref rest, out ulong address))
        {
            GdbProcessorImage image = _target.ReadRegisters(chosen);
            image.Registers.Rip = address;
            image.IsChanged = true;
            if (!_target.TryWriteRegisters(chosen, image))
            {
                return Error(Invalid);
            }
        }

        if (!rest.IsEmpty)
        {
            return Error(Invalid);
        }

        Resume([.. Enumerable.Range(0, _target.VirtualCpus).Select(i => step && i == chosen ? VirtualCpuMotion.Step : VirtualCpuMotion.Continue)]);
        return null;
    }

    private string ReadAll()
    {
        GdbProcessorImage image = Image();
        StringBuilder text = new();
        Span<byte> value = stackalloc byte[16];
        foreach (GdbRegister register in GdbRegisterMap.All)
        {
            register.Read(image, value[..register.Bytes]);
            text.Append(GdbHex.Write(value[..register.Bytes]));
        }

        return text.ToString();
    }

    private string WriteAll(ReadOnlySpan<byte> rest)
    {
        if (!GdbHex.TryReadBytes(rest, out byte[] bytes) || bytes.Length != GdbRegisterMap.All.Sum(register => register.Bytes))
        {
            return Error(Invalid);
        }

        GdbProcessorImage image = _target.ReadRegisters(_general);
        int offset = 0;
        foreach (GdbRegister register in GdbRegisterMap.All)
        {
            register.Write?.Invoke(image, bytes.AsSpan(offset, register.Bytes));
            offset += register.Bytes;
        }

        return WriteBack(image);
    }

    private string ReadOne(ReadOnlySpan<byte> rest)
    {
        if (!TryTakeRegister(ref rest, out GdbRegister? register) || !rest.IsEmpty)
        {
            return Error(Invalid);
        }

        Span<byte> value = stackalloc byte[register.Bytes];
        register.Read(Image(), value);
        return GdbHex.Write(value);
    }

    private string WriteOne(ReadOnlySpan<byte> rest)
    {
        if (!TryTakeRegister(ref rest, out GdbRegister? register)
            || !GdbHex.TryTake(ref rest, '=')
            || !GdbHex.TryReadBytes(rest, out byte[] bytes)
            || bytes.Length != register.Bytes)
        {
            return Error(Invalid);
        }

        if (register.Write is null)
        {
            return Error(NotPermitted);
        }

        GdbProcessorImage image = _target.ReadRegisters(_general);
        register.Write(image, bytes);
        return WriteBack(image);
    }

    private string WriteBack(GdbProcessorImage image)
    {
        _image = null;
        return _target.TryWriteRegisters(_general, image) ? "OK" : Error(Invalid);
    }

    private static bool TryTakeRegister(
        ref ReadOnlySpan<byte> rest, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out GdbRegister? register)
    {
        bool found = GdbHex.TryTakeNumber(ref rest, out ulong number) && number < (ulong)GdbRegisterMap.All.Count;
        register = found ? GdbRegisterMap.All[(int)number] : null;
        return found;
    }

    private string ReadMemory(ReadOnlySpan<byte> rest)
    {
        if (!TryTakeRange(ref rest, out ulong address, out ulong length) || !rest.IsEmpty)
        {
            return Error(Invalid);
        }

        byte[] bytes = _target.ReadMemory(_general, address, (int)Math.Min(length, LongestRead));
        return bytes.Length == 0 && length != 0 ? Error(BadAddress) : GdbHex.Write(bytes);
    }

    private string WriteMemory(ReadOnlySpan<byte> rest, bool binary)
    {
        if (!TryTakeRange(ref rest, out ulong address, out ulong length) || !GdbHex.TryTake(ref rest, ':'))
        {
            return Error(Invalid);
        }

        byte[] bytes = rest.ToArray();
        if ((!binary && !GdbHex.TryReadBytes(rest, out bytes)) || (ulong)bytes.Length != length)
        {
            return Error(Invalid);
        }

        return _target.TryWriteMemory(_general, address, bytes) ? "OK" : Error(BadAddress);
    }

    private string ChangePoint(ReadOnlySpan<byte> rest, bool insert)
    {
        if (!GdbHex.TryTakeNumber(ref rest, out ulong type)
            || !GdbHex.TryTake(ref rest, ',')
            || !TryTakeRange(ref rest, out ulong address, out ulong length))
        {
            return Error(Invalid);
        }

        // Conditions and commands for the target's side were not offered.
        if (type > 4 || !rest.IsEmpty)
        {
            return "";
        }

        if (_points.Change(type, address, length, insert) is not GdbPoints points)
        {
            return Error(Invalid);
        }

        if (_target.SetPoints([.. points.Breakpoints.Keys], points.Watchpoints) is string refusal)
        {
            _diagnostic(refusal);
            return Error(NoSpace);
        }

        _points = points;
        return "OK";
    }

    private static bool TryTakeRange(ref ReadOnlySpan<byte> text, out ulong first, out ulong second)
    {
        second = 0;
        return GdbHex.TryTakeNumber(ref text, out first) && GdbHex.TryTake(ref text, ',') && GdbHex.TryTakeNumber(ref text, out second);
    }
}
