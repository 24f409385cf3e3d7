using Iced.Intel;
using Nacelle.Translation.Cache;
using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <content>What accesses do that find no entry in the soft TLB at once; out of the way of their blocks.</content>
internal sealed partial class MemoryAccessEmitter
{
    /// <summary>Emits what happens on misses, out of the way of the block's own code.</summary>
    /// <param name="block">The block's number.</param>
    /// <param name="repeat">Emits an instruction with its operand at the pointer in <see cref="Scratch1"/>.</param>
    public void EmitMisses(int block, Action<Instruction, ushort, bool> repeat)
    {
        foreach (PendingMiss miss in _misses)
        {
            int size = (ushort)miss.Access;
            bool group = (miss.Access & AccessKind.Group) != 0;
            bool write = (miss.Access & AccessKind.Write) != 0;
            int across = 0;
            emit.PatchHere(miss.Jump);
            if (miss.Site != 0)
            {
                emit.PatchHere(EmitOtherEntry(miss, block));
            }

            if (miss.KeepFlags)
            {
                emit.LoadEntry(Rcx, miss.Tags, Scratch2);

                // Negation by NOT and +1, because NEG would touch the flags.
                emit.Not(Rcx);
                emit.LoadAddress(Scratch1, Scratch1, Rcx, 1, 1);
                emit.LoadContext(Rcx, ContextOffsets.SavedRcx);
            }
            else
            {
                emit.SubtractEntry(Scratch1, miss.Tags, Scratch2);
                if (size > 1 && (group || !write || miss.After != 0))
                {
                    emit.Move32(Scratch2, Scratch1);
                    emit.And32(Scratch2, 0xFFF);
                    emit.Compare(Scratch2, 4096 - size);
                    across = emit.JumpIf(Condition.Above);
                }
            }

            Report(miss, miss.Access);
            emit.CallTo((miss.IsConflicting ? thunks.FindHashed : thunks.Find)[(Mode.Tlb * 2) + (write ? 1 : 0)]);
            emit.JumpTo(miss.Return);
            if (across == 0)
            {
                continue;
            }

            emit.PatchHere(across);
            if (group)
            {
                if (miss.FlagsSaved)
                {
                    flags.Load();
                }

                LinkWithoutGroups(miss.Rip);
                continue;
            }

            Report(miss, write ? miss.Access | AccessKind.CopiedBack : miss.Access);
            emit.CallTo(thunks.BeforeCrossing[(Mode.Tlb * 2) + (write ? 1 : 0)]);
            if (write)
            {
                repeat(miss.Repeated, miss.GuestOffset, miss.FlagsSaved);
                emit.CallTo(thunks.AfterCrossing);
                emit.JumpTo(miss.After);
            }
            else
            {
                emit.JumpTo(miss.Return);
            }
        }

        _misses.Clear();
        ForgetGroups();
        EmitRefusals();
    }

    private void Report(in PendingMiss miss, AccessKind access)
    {
        if (miss.FlagsSaved)
        {
            // A fault shows them.
            flags.Load();
        }

        emit.StoreContextImmediate32(ContextOffsets.AccessKind, (uint)access);
        addresses.Load(Scratch2, miss.Rip);
        emit.StoreContext(ContextOffsets.Rip, Scratch2);
    }

    /// <summary>Asks the entry that the address selects after the one last used was another's.</summary>
    private int EmitOtherEntry(in PendingMiss miss, int block)
    {
        emit.SubtractEntry(Scratch1, miss.Tags, Scratch2);
        SelectEntry(miss.IsConflicting);
        emit.StoreContext32(miss.Site, Scratch2);
        emit.AddEntry(Scratch1, miss.Tags, Scratch2);
        emit.Compare(Scratch1, 4096 - (ushort)miss.Access);
        int missed = emit.JumpIf(Condition.Above);
        emit.IncrementContext8(miss.Site + sizeof(uint));
        emit.JumpIf(Condition.NotEqual, miss.Hit);
        if (miss.FlagsSaved)
        {
            flags.Load();
        }

        emit.StoreContextImmediate32(ContextOffsets.ExitArgument, (uint)block);
        emit.StoreContextImmediate32(ContextOffsets.ExitArgument + sizeof(uint), (uint)(miss.Site - ContextOffsets.Site(0)) / sizeof(ulong));
        addresses.Load(Scratch2, miss.Rip);
        emit.JumpTo(thunks.Roaming);
        return missed;
    }

    /// <summary>Goes on with the same instruction in a block whose accesses are made one by one.</summary>
    private void LinkWithoutGroups(ulong rip)
    {
        int displacement = emit.Jump();
        ulong stub = emit.Address;
        emit.Patch(displacement, stub);
        int number = links.Add(new Link(displacement, stub, rip, IsStateLive: false, IsUngrouped: true, Mode.IsRelative));
        emit.StoreContextImmediate32(ContextOffsets.ExitArgument, (uint)number);
        emit.JumpTo(thunks.Link);
    }

    private readonly record struct PendingMiss(
        int Jump, int Tags, ulong Rip, AccessKind Access, ulong Return, bool KeepFlags, bool FlagsSaved)
    {
        /// <summary>The instruction, where it writes and may be made again.</summary>
        public Instruction Repeated { get; init; }

        /// <summary>Its offset in the block.</summary>
        public ushort GuestOffset { get; init; }

        /// <summary>Address of what follows it, or zero.</summary>
        public ulong After { get; init; }

        /// <summary>Offset in the context of what the access remembers, or zero.</summary>
        public int Site { get; init; }

        /// <summary>Whether it looks into the other of the two places that a page may be in.</summary>
        public bool IsConflicting { get; init; }

        /// <summary>Where to go on once <see cref="Scratch2"/> has the right entry and <see cref="Scratch1"/> the offset in its page.</summary>
        public ulong Hit { get; init; }
    }
}
