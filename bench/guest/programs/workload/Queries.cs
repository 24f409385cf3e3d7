namespace Nacelle.Bench.Workload;

/// <summary>LINQ over records in memory: join, group, sort, aggregate.</summary>
internal static class Queries
{
    private sealed record Customer(int Number, string Country);

    private sealed record Order(int Customer, int Month, double Amount);

    internal static ulong Run(double scale)
    {
        Numbers numbers = new();
        string[] countries = ["de", "fr", "it", "pl", "se", "uk", "us"];
        Customer[] customers = [.. Enumerable.Range(0, 2000).Select(i => new Customer(i, countries[numbers.Next(countries.Length)]))];
        Order[] orders =
        [
            .. Enumerable.Range(0, (int)(150_000 * scale))
                .Select(_ => new Order(numbers.Next(customers.Length), numbers.Next(12), numbers.Next(100_000) / 4.0)),
        ];
        ulong sum = Checksum.Start;
        for (int round = 0; round < 4; round++)
        {
            var rows =
                from order in orders
                join customer in customers on order.Customer equals customer.Number
                group order by (customer.Country, order.Month) into cell
                let total = cell.Sum(order => order.Amount)
                orderby total descending, cell.Key.Country
                select (cell.Key.Country, cell.Key.Month, Total: total, Largest: cell.Max(order => order.Amount), Count: cell.Count());
            foreach (var row in rows.Where(row => row.Count % 4 != round))
            {
                sum = Checksum.Add(Checksum.Add(sum, row.Country), BitConverter.DoubleToUInt64Bits(row.Total + row.Largest));
                sum = Checksum.Add(sum, (ulong)(row.Month + row.Count));
            }
        }

        return sum;
    }
}
