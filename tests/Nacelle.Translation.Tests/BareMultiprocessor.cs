using Iced.Intel;
using Nacelle.Cpu;
using Nacelle.Memory;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests;

/// <summary>
/// Several vCPUs over the memory of <see cref="BareMachine"/>, each on a thread of its own. A write to its port ends a vCPU's
/// run, and the end of one that failed ends them all.
/// </summary>
internal sealed class BareMultiprocessor : IAddressRangeHandler, IDisposable
{
    private const ushort EndPort = 0xE0;
    private const ulong CodeStride = 0x1_0000;
    private const ulong StackSize = 0x4000;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);
    private readonly TranslatorAccelerator _accelerator;
    private readonly IVirtualCpu[] _processors;
    private readonly bool[] _ended;

    public BareMultiprocessor(int count, Func<int, ILocalInterruptController?>? localInterrupts = null)
    {
        Ram = new GuestMemory([(0, 32 << 20)]);
        AddressSpace ports = new("port");
        ports.Map(EndPort, 16, "end", this);
        _accelerator = new TranslatorAccelerator(new MachineBus(Ram, new AddressSpace("memory"), ports), new TranslatorOptions { CodeCacheBytes = 4 << 20 });
        _processors = [.. Enumerable.Range(0, count).Select(i => _accelerator.CreateVirtualCpu(
            new VirtualCpuConfiguration(i, (uint)i, CpuidModels.ForTranslator(i, (uint)i, count), localInterrupts?.Invoke(i))))];
        _ended = new bool[count];
        BareMachine.BuildTables(Ram);
    }

    public GuestMemory Ram { get; }

    /// <summary>What translation has cost so far.</summary>
    public TranslatorCounters Counters => _accelerator.ReadCounters();

    /// <summary>What a write to port 0xE8 does, on the vCPU's thread.</summary>
    public Action? OnRequest { get; set; }

    /// <summary>Another thread has something for a vCPU.</summary>
    public void NotifyInterrupt(int index) => _processors[index].NotifyInterrupt();

    /// <summary>Where a vCPU's code begins.</summary>
    public static ulong CodeOf(int index) => BareMachine.CodeAddress + ((ulong)index * CodeStride);

    /// <summary>Assembles code to a place.</summary>
    public void Place(ulong address, Action<Assembler> program)
    {
        Assembler assembler = new(64);
        program(assembler);
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        Assert.True(Ram.TryWrite(address, stream.ToArray()));
    }

    public ulong Read(ulong address)
    {
        Assert.True(Ram.TryRead(address, out ulong value));
        return value;
    }

    /// <summary>Runs a program on each vCPU at once, until all have come to their ends.</summary>
    /// <returns>The registers of each.</returns>
    public CpuRegisters[] Run(params Action<Assembler>[] programs)
    {
        Assert.Equal(_processors.Length, programs.Length);
        for (int i = 0; i < programs.Length; i++)
        {
            ushort port = (ushort)(EndPort + i);
            Action<Assembler> program = programs[i];
            Place(CodeOf(i), c =>
            {
                program(c);
                c.mov(dx, port);
                c.@out(dx, al);
                c.hlt();
            });
            CpuRegisters registers = BareMachine.InitialState();
            registers.Rip = CodeOf(i);
            SetStack(ref registers, BareMachine.StackTop - ((ulong)i * StackSize));
            _processors[i].WriteState(registers);
        }

        Array.Clear(_ended);
        string?[] failures = new string?[programs.Length];
        Thread[] threads = [.. Enumerable.Range(0, programs.Length).Select(i => new Thread(() => failures[i] = RunOne(i)))];
        foreach (Thread thread in threads)
        {
            thread.IsBackground = true;
            thread.Start();
        }

        bool inTime = threads.All(thread => thread.Join(s_patience));
        EndAll();
        Assert.True(threads.All(thread => thread.Join(s_patience)), "a vCPU does not leave translated code");
        Assert.True(failures.All(failure => failure is null) && inTime, $"in time: {inTime}; {string.Join("; ", failures.OfType<string>())}");
        return [.. _processors.Select(processor =>
        {
            processor.ReadState(out CpuRegisters registers);
            return registers;
        })];
    }

    ulong IAddressRangeHandler.Read(ulong offset, int size) => 0;

    void IAddressRangeHandler.Write(ulong offset, int size, ulong value)
    {
        if (offset >= 8)
        {
            OnRequest?.Invoke();
            return;
        }

        _ended[offset] = true;
        _processors[offset].RequestExit();
    }

    public void Dispose()
    {
        _accelerator.Dispose();
        Ram.Dispose();
    }

    private static unsafe void SetStack(ref CpuRegisters registers, ulong top) =>
        registers.General[(int)GeneralRegister.Rsp] = top;

    private string? RunOne(int index)
    {
        VirtualCpuExit exit = _processors[index].Run();
        if (exit.Reason == VirtualCpuExitReason.Requested && _ended[index])
        {
            return null;
        }

        _processors[index].ReadState(out CpuRegisters registers);
        EndAll();
        return $"vCPU {index} ended with {exit.Reason} ({exit.Detail}) at 0x{registers.Rip:x}, CR2 0x{registers.Cr2:x}";
    }

    private void EndAll()
    {
        foreach (IVirtualCpu processor in _processors)
        {
            processor.RequestExit();
        }
    }
}
