using Nacelle.Fuzz;
using SharpFuzz;

switch (args)
{
    case ["virtqueue"]:
        Fuzzer.OutOfProcess.Run(stream =>
        {
            byte[] input = new byte[4096];
            int length = stream.ReadAtLeast(input, input.Length, throwOnEndOfStream: false);
            VirtqueueTarget.Run(input.AsSpan(0, length));
        });
        return 0;
    default:
        await Console.Error.WriteLineAsync("name a fuzz target: virtqueue");
        return 2;
}
