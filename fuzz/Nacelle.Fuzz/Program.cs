using Nacelle.Fuzz;
using SharpFuzz;

Dictionary<string, Target> targets = new()
{
    ["gdb"] = GdbTarget.Run,
    ["machine-document"] = MachineDocumentTarget.RunDocument,
    ["qemu-arguments"] = MachineDocumentTarget.RunArguments,
    ["profile"] = MachineDocumentTarget.RunProfile,
    ["host-facts"] = HostFactsTarget.Run,
    ["check-report"] = CheckReportTarget.Run,
    ["block-contents"] = BlockContentsTarget.Run,
    ["virtqueue"] = VirtqueueTarget.Run,
    ["network-control"] = NetworkControlTarget.Run,
    ["network-transmit"] = NetworkTransmitTarget.Run,
};
if (args is not [string name] || !targets.TryGetValue(name, out Target? target))
{
    await Console.Error.WriteLineAsync($"name a fuzz target: {string.Join(", ", targets.Keys)}");
    return 2;
}

Fuzzer.OutOfProcess.Run(stream =>
{
    byte[] input = new byte[1 << 16];
    int length = stream.ReadAtLeast(input, input.Length, throwOnEndOfStream: false);
    target(input.AsSpan(0, length));
});
return 0;

internal delegate void Target(ReadOnlySpan<byte> input);
