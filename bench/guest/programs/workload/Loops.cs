using System.Numerics;

namespace Nacelle.Bench.Workload;

/// <summary>Parallel loops over numbers: a sieve, vectors, and a fractal.</summary>
internal static class Loops
{
    internal static ulong Run(double scale)
    {
        ulong sum = Checksum.Add(Checksum.Start, (ulong)Primes((int)(3_000_000 * scale)));
        sum = Checksum.Add(sum, (ulong)Fractal((int)(420 * Math.Sqrt(scale))));
        return Checksum.Add(sum, Vectors((int)(400 * scale)));
    }

    private static int Primes(int limit)
    {
        const int segment = 1 << 15;
        List<int> small = [.. Enumerable.Range(2, (int)Math.Sqrt(limit)).Where(n => Enumerable.Range(2, (int)Math.Sqrt(n)).TakeWhile(d => d * d <= n).All(d => n % d != 0))];
        int found = 0;
        Parallel.For(
            0,
            (limit / segment) + 1,
            () => 0,
            (index, _, count) =>
            {
                bool[] composite = new bool[segment];
                int start = index * segment;
                foreach (int prime in small)
                {
                    for (int n = Math.Max(prime * prime, (start + prime - 1) / prime * prime); n < start + segment; n += prime)
                    {
                        composite[n - start] = true;
                    }
                }

                for (int n = Math.Max(start, 2); n < start + segment && n <= limit; n++)
                {
                    count += composite[n - start] ? 0 : 1;
                }

                return count;
            },
            count => Interlocked.Add(ref found, count));
        return found;
    }

    private static long Fractal(int size) =>
        ParallelEnumerable.Range(0, size).Sum(row =>
        {
            long steps = 0;
            for (int column = 0; column < size; column++)
            {
                Complex point = new((2.5 * column / size) - 1.75, (2.0 * row / size) - 1);
                Complex z = point;
                int n = 0;
                while (n < 120 && (z.Real * z.Real) + (z.Imaginary * z.Imaginary) < 4)
                {
                    z = (z * z) + point;
                    n++;
                }

                steps += n;
            }

            return steps;
        });

    private static ulong Vectors(int rounds)
    {
        int[] left = [.. Enumerable.Range(0, 8192)];
        int[] right = [.. left.Select(n => n * 3)];
        ulong sum = Checksum.Start;
        for (int round = 0; round < rounds; round++)
        {
            Vector<int> total = Vector<int>.Zero;
            for (int i = 0; i < left.Length; i += Vector<int>.Count)
            {
                total += new Vector<int>(left, i) * new Vector<int>(right, i);
            }

            sum = Checksum.Add(sum, (ulong)Vector.Sum(total) + (ulong)round);
        }

        return sum;
    }
}
