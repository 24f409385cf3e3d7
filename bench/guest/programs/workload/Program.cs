using System.Globalization;
using Nacelle.Bench.Workload;

// Work that keeps the run time's compiler, collector and thread pool busy. Each line is a part and its result, which is the
// same wherever it runs; an argument makes the parts larger or smaller.
double scale = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 1;
(string Name, Func<double, ulong> Run)[] parts =
[
    ("queries", Queries.Run),
    ("patterns", Patterns.Run),
    ("documents", Documents.Run),
    ("loops", Loops.Run),
    ("expressions", Expressions.Run),
    ("exceptions", Exceptions.Run),
    ("trees", Trees.Run),
    ("messages", Messages.Run),
];
foreach ((string name, Func<double, ulong> run) in parts)
{
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name} {run(scale):x16}"));
}
