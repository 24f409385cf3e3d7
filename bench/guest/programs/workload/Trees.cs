namespace Nacelle.Bench.Workload;

/// <summary>Short-lived and long-lived trees, for the collector.</summary>
internal static class Trees
{
    private sealed class Node(Node? left, Node? right, int value)
    {
        internal int Count() => 1 + (left?.Count() ?? 0) + (right?.Count() ?? 0);

        internal long Sum() => value + (left?.Sum() ?? 0) - (right?.Sum() ?? 0);
    }

    internal static ulong Run(double scale)
    {
        Node lasting = Make(15, 1);
        ulong sum = Checksum.Start;
        for (int i = 0; i < 80 * scale; i++)
        {
            Node passing = Make(12 + (i % 3), i);
            sum = Checksum.Add(sum, (ulong)(passing.Count() + passing.Sum()));
        }

        return Checksum.Add(sum, (ulong)lasting.Sum());
    }

    private static Node Make(int depth, int value) =>
        depth == 0 ? new Node(null, null, value) : new Node(Make(depth - 1, value * 2), Make(depth - 1, (value * 2) + 1), value);
}
