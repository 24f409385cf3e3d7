using System.Text;

namespace Nacelle.Control.Gdb;

/// <summary>Makes packets for gdb. Stateless.</summary>
internal static class GdbPacketWriter
{
    /// <summary>Frames a reply, with what would be taken for framing escaped.</summary>
    /// <param name="content">Characters of one byte each.</param>
    public static byte[] Frame(string content)
    {
        List<byte> packet = new(content.Length + 8) { (byte)'$' };
        byte sum = 0;
        foreach (byte value in Encoding.Latin1.GetBytes(content))
        {
            // "*" would begin a run of repeated characters.
            if (value is (byte)'$' or (byte)'#' or (byte)'}' or (byte)'*')
            {
                packet.Add((byte)'}');
                packet.Add((byte)(value ^ 0x20));
                sum += (byte)'}';
                sum += (byte)(value ^ 0x20);
            }
            else
            {
                packet.Add(value);
                sum += value;
            }
        }

        packet.Add((byte)'#');
        packet.AddRange(Encoding.ASCII.GetBytes(GdbHex.Write([sum])));
        return [.. packet];
    }
}
