using System.Threading.Channels;

namespace Nacelle.Bench.Workload;

/// <summary>Asynchronous methods that hand messages to each other through bounded channels.</summary>
internal static class Messages
{
    internal static ulong Run(double scale) => RunAsync((int)(40_000 * scale)).GetAwaiter().GetResult();

    private static async Task<ulong> RunAsync(int count)
    {
        Channel<ulong> first = Channel.CreateBounded<ulong>(16);
        Channel<ulong> second = Channel.CreateBounded<ulong>(16);
        Task producer = Task.Run(async () =>
        {
            Numbers numbers = new();
            for (int i = 0; i < count; i++)
            {
                await first.Writer.WriteAsync(numbers.Next());
            }

            first.Writer.Complete();
        });
        Task transformer = Task.Run(async () =>
        {
            await foreach (ulong number in first.Reader.ReadAllAsync())
            {
                await second.Writer.WriteAsync(number % 1_000_003);
                if (number % 64 == 0)
                {
                    await Task.Yield();
                }
            }

            second.Writer.Complete();
        });
        ulong sum = Checksum.Start;
        await foreach (ulong number in second.Reader.ReadAllAsync())
        {
            sum = Checksum.Add(sum, number);
        }

        await Task.WhenAll(producer, transformer);
        return sum;
    }
}
