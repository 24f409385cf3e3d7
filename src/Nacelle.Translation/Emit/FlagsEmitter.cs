using Nacelle.Translation.State;
using static Nacelle.Translation.Emit.HostRegister;

namespace Nacelle.Translation.Emit;

/// <summary>
/// Keeps the guest's arithmetic flags over emitted sequences that would destroy them: set aside once and loaded again only where
/// something reads them. Every way to code that is found through the jump table or the return stack has them set aside, because
/// the code there knows whether it needs them, which the way does not.
/// </summary>
/// <remarks>LAHF and SETO cost a few cycles where PUSHF and POPF cost dozens.</remarks>
internal sealed class FlagsEmitter(CodeEmitter emit)
{
    /// <summary>Whether the flags are set aside at this point of the block, and those of the host mean nothing.</summary>
    public bool AreSaved { get; set; }

    /// <summary>Sets the flags aside if they are not; <see cref="Scratch2"/> is lost.</summary>
    public void Save()
    {
        if (!AreSaved)
        {
            // mov r15, rax; seto al; lahf; mov [context.SavedFlags], rax; mov rax, r15.
            emit.Move(Scratch2, Rax);
            emit.Bytes([0x0F, 0x90, 0xC0, 0x9F]);
            emit.StoreContext(ContextOffsets.SavedFlags, Rax);
            emit.Move(Rax, Scratch2);
            AreSaved = true;
        }
    }

    /// <summary>Brings the flags back to the host's if they are set aside; <see cref="Scratch2"/> is lost.</summary>
    public void Restore()
    {
        if (AreSaved)
        {
            Load();
            AreSaved = false;
        }
    }

    /// <summary>Loads the flags that are set aside, wherever that is known to be so; <see cref="Scratch2"/> is lost.</summary>
    public void Load()
    {
        // mov r15, rax; movzx eax, word [context.SavedFlags]; add al, 0x7f; sahf; mov rax, r15.
        emit.Move(Scratch2, Rax);
        emit.LoadContext16(Rax, ContextOffsets.SavedFlags);
        emit.Bytes([0x04, 0x7F, 0x9E]);
        emit.Move(Rax, Scratch2);
    }

    /// <summary>The arithmetic flags of RFLAGS in the form of <see cref="TranslatorContext.SavedFlags"/>.</summary>
    public static ulong FromSaved(ushort saved) => ((uint)saved >> 8 & 0xD5) | (((uint)saved & 1) << 11);
}
