using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Nacelle.Translation.Tests.Listing;

/// <summary>Listings of what a guest has run.</summary>
public sealed class GuestListingTests
{
    [Fact]
    public void Blocks_that_ran_are_listed_by_address_and_those_that_did_not_are_not()
    {
        using BareMachine machine = new();
        machine.Run(c =>
        {
            Label skipped = c.CreateLabel();
            Label far = c.CreateLabel();
            c.mov(ecx, 7);
            c.jmp(far);
            c.Label(ref skipped);
            c.mov(edx, 8);
            c.Label(ref far);
            c.mov(ebx, 9);
        });
        ListedBlock[] blocks = [.. machine.ListBlocks(0, ulong.MaxValue)];
        string[] texts = [.. blocks.SelectMany(block => block.Instructions).Select(instruction => instruction.Text)];
        Assert.Contains("mov ecx, 7", texts);
        Assert.Contains("mov ebx, 9", texts);
        Assert.DoesNotContain("mov edx, 8", texts);
        Assert.All(blocks, block => Assert.Equal(block.Address, block.PhysicalAddress));
        Assert.All(blocks, block => Assert.Equal(0, block.VirtualCpu));
        Assert.Equal(blocks.Select(block => block.Address).Order(StringComparer.Ordinal), blocks.Select(block => block.Address));

        // The branch that was taken leads straight to the other block.
        Assert.Contains(blocks, block => block.Instructions[^1].Host.Concat(block.Stubs).Any(
            instruction => instruction.Text == $"jmp Block.{blocks[^1].Address}"));
    }

    [Fact]
    public void A_range_selects_the_blocks_that_touch_it()
    {
        using BareMachine machine = new();
        machine.Run(c =>
        {
            c.mov(ecx, 7);
            c.mov(edx, 8);
        });
        ListedBlock block = Assert.Single(machine.ListBlocks(BareMachine.CodeAddress + 6, BareMachine.CodeAddress + 6));
        Assert.Equal($"0x{BareMachine.CodeAddress:x}", block.Address);
        Assert.Empty(machine.ListBlocks(0, BareMachine.CodeAddress - 1));
        Assert.DoesNotContain(
            machine.ListBlocks(BareMachine.CodeAddress + (ulong)block.GuestLength, ulong.MaxValue), other => other.Address == block.Address);
    }

    [Fact]
    public void Code_that_was_written_over_is_not_listed()
    {
        using BareMachine machine = new();
        machine.Run(c => c.mov(ecx, 7));
        machine.Place(BareMachine.CodeAddress, c => c.mov(ecx, 8));
        Assert.DoesNotContain(machine.ListBlocks(0, ulong.MaxValue).SelectMany(block => block.Instructions), instruction => instruction.Text == "mov ecx, 7");
    }
}
