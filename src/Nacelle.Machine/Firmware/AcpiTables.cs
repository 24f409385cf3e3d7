using System.Buffers.Binary;
using Nacelle.Devices.Interrupts;
using Nacelle.Devices.Platform;
using Nacelle.Devices.Timers;
using Nacelle.Machine.Board;
using Nacelle.Machine.Interrupts;
using Nacelle.Memory;

namespace Nacelle.Machine.Firmware;

/// <summary>The ACPI tables (ACPI 6.4, chapter 5): RSDP, XSDT, FADT, FACS, DSDT, MADT, MCFG and HPET.</summary>
internal static class AcpiTables
{
    /// <summary>Writes the tables below 1 MiB.</summary>
    /// <param name="ram">Guest RAM.</param>
    /// <param name="virtualCpus">Number of vCPUs; APIC ids count up from 0.</param>
    /// <param name="withTimer">Whether the machine has an HPET.</param>
    /// <returns>Guest-physical address of the RSDP.</returns>
    internal static ulong Write(GuestMemory ram, int virtualCpus, bool withTimer)
    {
        ulong root = PhysicalLayout.TablesBase;
        ulong next = root + 64;
        ulong Place(byte[] table)
        {
            ulong address = (next + 63) & ~63UL;
            next = address + (ulong)table.Length;
            if (next > PhysicalLayout.SmbiosBase || !ram.TryWrite(address, table))
            {
                throw new InvalidOperationException($"ACPI tables do not fit below 0x{PhysicalLayout.SmbiosBase:x}");
            }

            return address;
        }

        ulong facs = Place(FirmwareControl());
        ulong dsdt = Place(Table("DSDT", 2, DifferentiatedDescription.Build(ram.Size)));
        List<ulong> tables =
        [
            Place(FixedDescription(facs, dsdt)),
            Place(Interrupts(virtualCpus)),
            Place(ConfigurationSpace()),
        ];
        if (withTimer)
        {
            tables.Add(Place(EventTimer()));
        }

        byte[] entries = new byte[tables.Count * 8];
        for (int i = 0; i < tables.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(entries.AsSpan(i * 8), tables[i]);
        }

        ram.TryWrite(root, RootPointer(Place(Table("XSDT", 1, entries))));
        return root;
    }

    private static byte[] RootPointer(ulong extended)
    {
        byte[] pointer = new byte[36];
        "RSD PTR "u8.CopyTo(pointer);
        "NACELL"u8.CopyTo(pointer.AsSpan(9));
        pointer[15] = 2;
        BinaryPrimitives.WriteUInt32LittleEndian(pointer.AsSpan(20), 36);
        BinaryPrimitives.WriteUInt64LittleEndian(pointer.AsSpan(24), extended);
        pointer[8] = Checksum(pointer.AsSpan(0, 20));
        pointer[32] = Checksum(pointer);
        return pointer;
    }

    private static byte[] FirmwareControl()
    {
        byte[] table = new byte[64];
        "FACS"u8.CopyTo(table);
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(4), 64);
        table[32] = 2;
        return table;
    }

    private static byte[] FixedDescription(ulong facs, ulong dsdt)
    {
        const uint writeBackInvalidate = 1;
        const uint c1Supported = 1 << 2;
        const uint sleepButtonAbsent = 1 << 5;
        const uint timerIs32Bits = 1 << 8;
        const uint resetRegister = 1 << 10;

        // Offsets count from the start of the table, whose header has 36 bytes.
        byte[] body = new byte[276 - 36];
        Span<byte> At(int offset) => body.AsSpan(offset - 36);
        BinaryPrimitives.WriteUInt32LittleEndian(At(36), (uint)facs);
        BinaryPrimitives.WriteUInt32LittleEndian(At(40), (uint)dsdt);
        BinaryPrimitives.WriteUInt16LittleEndian(At(46), InterruptRouter.SystemControl);
        BinaryPrimitives.WriteUInt32LittleEndian(At(56), PowerManagementBlock.Base + PowerManagementBlock.EventOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(At(64), PowerManagementBlock.Base + PowerManagementBlock.ControlOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(At(76), PowerManagementBlock.Base + PowerManagementBlock.TimerOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(At(80), PowerManagementBlock.Base + PowerManagementBlock.GeneralOffset);
        At(88)[0] = 4;
        At(89)[0] = 2;
        At(91)[0] = 4;
        At(92)[0] = 16;

        // C2 and C3 are not supported.
        BinaryPrimitives.WriteUInt16LittleEndian(At(96), 0xFFF);
        BinaryPrimitives.WriteUInt16LittleEndian(At(98), 0xFFF);
        At(108)[0] = 0x32;

        // Boot flags: no legacy ISA devices to look for but those named, no 8042 keyboard, no VGA.
        BinaryPrimitives.WriteUInt16LittleEndian(At(109), 1 << 2);
        BinaryPrimitives.WriteUInt32LittleEndian(
            At(112), writeBackInvalidate | c1Supported | sleepButtonAbsent | timerIs32Bits | resetRegister);
        GenericAddress(At(116), 1, ResetControl.Port, 1);
        At(128)[0] = ResetControl.HardReset;
        At(131)[0] = 4;
        BinaryPrimitives.WriteUInt64LittleEndian(At(140), dsdt);
        GenericAddress(At(148), 4, PowerManagementBlock.Base + PowerManagementBlock.EventOffset, 2);
        GenericAddress(At(172), 2, PowerManagementBlock.Base + PowerManagementBlock.ControlOffset, 2);
        GenericAddress(At(208), 4, PowerManagementBlock.Base + PowerManagementBlock.TimerOffset, 3);
        GenericAddress(At(220), 16, PowerManagementBlock.Base + PowerManagementBlock.GeneralOffset, 1);
        return Table("FACP", 6, body);
    }

    private static void GenericAddress(Span<byte> field, int bytes, ulong port, byte accessSize)
    {
        field[0] = 1;
        field[1] = (byte)(bytes * 8);
        field[3] = accessSize;
        BinaryPrimitives.WriteUInt64LittleEndian(field[4..], port);
    }

    private static byte[] Interrupts(int virtualCpus)
    {
        const uint pairPresent = 1;
        List<byte> body = [];
        Append(body, (uint)ApicBus.WindowAddress);
        Append(body, pairPresent);
        for (int i = 0; i < virtualCpus; i++)
        {
            body.AddRange([0, 8, (byte)i, (byte)i, 1, 0, 0, 0]);
        }

        body.AddRange([1, 12, 0, 0]);
        Append(body, (uint)IoApic.Address);
        Append(body, 0);

        // The PIT is wired to pin 2; the system control interrupt is active high and level-triggered.
        body.AddRange([2, 10, 0, 0, 2, 0, 0, 0, 0, 0]);
        body.AddRange([2, 10, 0, InterruptRouter.SystemControl, InterruptRouter.SystemControl, 0, 0, 0, 0x0D, 0]);

        // LINT1 of every processor is the non-maskable interrupt.
        body.AddRange([4, 6, 0xFF, 0, 0, 1]);
        return Table("APIC", 5, [.. body]);
    }

    private static byte[] ConfigurationSpace()
    {
        byte[] body = new byte[8 + 16];
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(8), PhysicalLayout.ConfigurationBase);
        body[8 + 11] = PhysicalLayout.LastBus;
        return Table("MCFG", 1, body);
    }

    private static byte[] EventTimer()
    {
        byte[] body = new byte[20];
        BinaryPrimitives.WriteUInt32LittleEndian(body, HighPrecisionTimer.EventTimerBlockId);
        body[5] = 64;
        BinaryPrimitives.WriteUInt64LittleEndian(body.AsSpan(8), HighPrecisionTimer.Address);
        BinaryPrimitives.WriteUInt16LittleEndian(body.AsSpan(17), 100);
        return Table("HPET", 1, body);
    }

    private static void Append(List<byte> body, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        body.AddRange(bytes);
    }

    /// <summary>Puts the common header before a table's body (5.2.6).</summary>
    private static byte[] Table(string signature, byte revision, byte[] body)
    {
        byte[] table = new byte[36 + body.Length];
        System.Text.Encoding.ASCII.GetBytes(signature, table);
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(4), (uint)table.Length);
        table[8] = revision;
        "NACELLNACELLE "u8.CopyTo(table.AsSpan(10));
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(24), 1);
        "NCLE"u8.CopyTo(table.AsSpan(28));
        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(32), 1);
        body.CopyTo(table.AsSpan(36));
        table[9] = Checksum(table);
        return table;
    }

    private static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte value in bytes)
        {
            sum += value;
        }

        return (byte)-sum;
    }
}
