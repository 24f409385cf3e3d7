using Nacelle.Translation.Memory;

namespace Nacelle.Translation.Tests;

/// <summary>Claims of emitted code to write beside code: a host pointer is kept as long as the block runs, and so is its claim.</summary>
public sealed class WriteClaimsTests
{
    [Fact]
    public void A_claim_outlives_others()
    {
        WriteClaims claims = new();
        for (ulong page = 1; page <= 16; page++)
        {
            Assert.True(claims.TryAdd(page << 12));
        }

        Assert.All(Enumerable.Range(1, 16), page => Assert.True(claims.Contains((ulong)page << 12)));
        Assert.True(claims.TryAdd(3 << 12), "a claim that is there needs no place");
        Assert.False(claims.TryAdd(17 << 12), "there is a place for more");
        Assert.False(claims.Contains(17 << 12));
    }

    [Fact]
    public void A_claim_ends_alone_or_with_all()
    {
        WriteClaims claims = new();
        for (ulong page = 1; page <= 4; page++)
        {
            claims.TryAdd(page << 12);
        }

        Assert.True(claims.Remove(2 << 12));
        Assert.False(claims.Remove(2 << 12));
        Assert.False(claims.Contains(2 << 12));
        Assert.True(claims.Contains(4 << 12));
        List<ulong> ended = [];
        claims.End(ended.Add);
        Assert.Equal(new ulong[] { 1 << 12, 3 << 12, 4 << 12 }, ended.Order());
        Assert.False(claims.Any);
        claims.TryAdd(5 << 12);
        claims.Clear();
        Assert.False(claims.Contains(5 << 12));
    }
}
