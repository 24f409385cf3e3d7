namespace Nacelle.Bench.Workload;

/// <summary>Exceptions thrown, filtered and caught frames away, those of the hardware among them.</summary>
internal static class Exceptions
{
    internal static ulong Run(double scale)
    {
        ulong sum = Checksum.Start;
        for (int i = 0; i < 3000 * scale; i++)
        {
            int[]? nothing = i % 3 == 0 ? null : new int[4];
            try
            {
                sum = Checksum.Add(sum, (ulong)Descend(i % 12, nothing, i));
            }
            catch (NullReferenceException)
            {
                sum = Checksum.Add(sum, 1);
            }
            catch (DivideByZeroException error) when (i % 2 == 0)
            {
                sum = Checksum.Add(sum, (ulong)error.HResult);
            }
            catch (InvalidOperationException error)
            {
                sum = Checksum.Add(sum, error.Message);
            }
        }

        return sum;
    }

    private static int Descend(int depth, int[]? numbers, int divisor)
    {
        try
        {
            return depth > 0 ? Descend(depth - 1, numbers, divisor) + 1 : numbers![0] + (1000 / (divisor % 2));
        }
        catch (DivideByZeroException error) when (divisor % 4 == 2)
        {
            throw new InvalidOperationException($"at {depth}", error);
        }
        catch (InvalidOperationException) when (depth == 7)
        {
            return -1;
        }
        finally
        {
            if (numbers is not null)
            {
                numbers[1]++;
            }
        }
    }
}
