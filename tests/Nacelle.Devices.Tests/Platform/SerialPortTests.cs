using System.Text;
using Nacelle.Devices.Platform;
using Nacelle.Devices.Tests.Interrupts;
using Nacelle.Devices.Tests.Timers;
using Nacelle.Memory;

namespace Nacelle.Devices.Tests.Platform;

/// <summary>The UART against the PC16550D data sheet.</summary>
public sealed class SerialPortTests : ISerialBackend
{
    private readonly HandClock _clock = new();
    private readonly RecordingLine _line = new();
    private readonly StringBuilder _output = new();
    private readonly SerialPort _port;

    public SerialPortTests()
    {
        _port = new SerialPort(_line, _clock, this);
        Write(4, 0x0B);
    }

    void ISerialBackend.Write(ReadOnlySpan<byte> bytes) => _output.Append(Encoding.ASCII.GetString(bytes));

    [Fact]
    public void Each_character_that_goes_out_interrupts_though_the_identification_is_not_read()
    {
        Write(1, 2);
        Assert.Equal(1, _line.TakeRises());
        for (int i = 0; i < 5; i++)
        {
            Write(0, 'x');
            Assert.Equal(1, _line.TakeRises());
        }

        Assert.True(_line.IsAsserted);
        Assert.Equal(2u, Read(2) & 0xF);
        Assert.False(_line.IsAsserted);
        Assert.Equal(1u, Read(2) & 0xF);
    }

    [Fact]
    public void Reading_the_identification_of_another_source_leaves_the_transmitter_waiting()
    {
        Write(1, 3);
        _port.Receive("a"u8);
        Assert.Equal(4u, Read(2) & 0xF);
        Assert.Equal((uint)'a', Read(0));
        Assert.True(_line.IsAsserted);
        Assert.Equal(2u, Read(2) & 0xF);
        Assert.False(_line.IsAsserted);
    }

    [Fact]
    public void Enabling_the_transmitter_interrupt_while_it_is_empty_raises_it_each_time()
    {
        for (int i = 0; i < 3; i++)
        {
            Write(1, 2);
            Assert.Equal(1, _line.TakeRises());
            Write(1, 0);
            Assert.False(_line.IsAsserted);
        }
    }

    [Fact]
    public void Sent_bytes_are_handed_over_after_a_millisecond_or_when_there_are_many()
    {
        foreach (char character in "hello")
        {
            Write(0, character);
        }

        Assert.Equal("", _output.ToString());
        _clock.MoveTo(1_000_000);
        Assert.Equal("hello", _output.ToString());
        for (int i = 0; i < 1024; i++)
        {
            Write(0, '.');
        }

        Assert.True(_output.Length > 1000, $"{_output.Length} bytes were handed over");
        _clock.MoveTo(2_000_000);
        Assert.Equal(5 + 1024, _output.Length);
    }

    [Theory]
    [InlineData(0x01, 1)]
    [InlineData(0x41, 4)]
    [InlineData(0x81, 8)]
    [InlineData(0xC1, 14)]
    public void The_receiver_tells_of_its_trigger_level_and_of_fewer_as_a_timeout(byte control, int level)
    {
        Write(2, control);
        Write(1, 1);
        Assert.Equal(16, _port.Receive(new byte[20]));
        for (int left = 16; left > 0; left--)
        {
            Assert.Equal(left >= level ? 0xC4u : 0xCC, Read(2));
            Assert.Equal(1u, Read(5) & 1);
            Read(0);
        }

        Assert.Equal(0xC1u, Read(2));
        Assert.Equal(0u, Read(5) & 1);
    }

    [Fact]
    public void Without_the_FIFO_there_is_room_for_one_and_the_sender_hears_when_it_is_taken()
    {
        int drained = 0;
        _port.ReceiverDrained += () => drained++;
        Assert.Equal(1, _port.Receive("ab"u8));
        Assert.Equal((uint)'a', Read(0));
        Assert.Equal(1, drained);
    }

    [Fact]
    public void Loop_back_goes_into_the_receiver_and_overruns_it()
    {
        Write(4, 0x1B);
        Write(1, 5);
        Write(0, 'a');
        Write(0, 'b');
        Assert.Equal(6u, Read(2) & 0xF);
        Assert.Equal(0x63u, Read(5));
        Assert.Equal(0x61u, Read(5));
        Assert.Equal((uint)'a', Read(0));
        Assert.Equal("", _output.ToString());
        Assert.Equal(0, _port.Receive("x"u8));
        Assert.Equal(0xB0u, Read(6) & 0xF0);
    }

    [Fact]
    public void The_divisor_lies_over_the_first_two_registers_and_the_gate_holds_the_line()
    {
        Write(3, 0x83);
        Write(0, 0x0C);
        Write(1, 0x01);
        Assert.Equal(0x0Cu, Read(0));
        Assert.Equal(0x01u, Read(1));
        Write(3, 3);
        Assert.Equal(0u, Read(1));
        Write(4, 0);
        Write(1, 2);
        Assert.False(_line.IsAsserted);
        Write(4, 8);
        Assert.True(_line.IsAsserted);
        Write(7, 0x5A);
        Assert.Equal(0x5Au, Read(7));
        _port.Reset();
        Assert.False(_line.IsAsserted);
    }

    private uint Read(ulong register) => (uint)((IAddressRangeHandler)_port).Read(register, 1);

    private void Write(ulong register, int value) => ((IAddressRangeHandler)_port).Write(register, 1, (ulong)value);
}
