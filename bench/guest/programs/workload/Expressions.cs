using System.Linq.Expressions;

namespace Nacelle.Bench.Workload;

/// <summary>Expression trees, each compiled to machine code of its own.</summary>
internal static class Expressions
{
    internal static ulong Run(double scale)
    {
        Numbers numbers = new();
        ulong sum = Checksum.Start;
        for (int i = 0; i < 400 * scale; i++)
        {
            ParameterExpression x = Expression.Parameter(typeof(long), "x");
            ParameterExpression y = Expression.Parameter(typeof(long), "y");
            Func<long, long, long> function = Expression.Lambda<Func<long, long, long>>(Make(numbers, x, y, 5), x, y).Compile();
            long value = 1;
            for (int n = 0; n < 200; n++)
            {
                value = function(value, n);
            }

            sum = Checksum.Add(sum, (ulong)value);
        }

        return sum;
    }

    private static Expression Make(Numbers numbers, Expression x, Expression y, int depth)
    {
        if (depth == 0)
        {
            return numbers.Next(3) switch { 0 => x, 1 => y, _ => Expression.Constant((long)numbers.Next(1000) + 1) };
        }

        Expression left = Make(numbers, x, y, depth - 1);
        Expression right = Make(numbers, x, y, depth - 1);
        return numbers.Next(6) switch
        {
            0 => Expression.Add(left, right),
            1 => Expression.Subtract(left, right),
            2 => Expression.Multiply(left, right),
            3 => Expression.ExclusiveOr(left, right),
            4 => Expression.Condition(Expression.LessThan(left, right), Expression.Negate(left), right),
            _ => Expression.Divide(left, Expression.Or(Expression.And(right, Expression.Constant(0xFFFL)), Expression.Constant(1L))),
        };
    }
}
