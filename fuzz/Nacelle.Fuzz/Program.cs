using System.Globalization;
using Nacelle.Fuzz;
using SharpFuzz;

const string usage = "fuzz TARGET reads one input (under a fuzzer, many); fuzz TARGET --random COUNT SEED makes inputs of its own";
switch (args)
{
    case [string name] when FuzzTarget.Find(name) is { } target:
        Fuzzer.OutOfProcess.Run(stream =>
        {
            byte[] input = new byte[1 << 16];
            int length = stream.ReadAtLeast(input, input.Length, throwOnEndOfStream: false);
            target.Run(input.AsSpan(0, length));
        });
        return 0;
    case [string name, "--random", string count, string seed] when FuzzTarget.Find(name) is { } target:
        return RandomRun.Run(
            target, long.Parse(count, CultureInfo.InvariantCulture), int.Parse(seed, CultureInfo.InvariantCulture), Console.Out) ? 0 : 1;
    default:
        await Console.Error.WriteLineAsync($"{usage}; targets: {string.Join(", ", FuzzTarget.All.Select(target => target.Name))}");
        return 2;
}
