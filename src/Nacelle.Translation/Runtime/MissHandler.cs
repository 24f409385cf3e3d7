using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Nacelle.Translation.State;

namespace Nacelle.Translation.Runtime;

/// <summary>What emitted code calls when the soft TLB has no entry.</summary>
internal static unsafe class MissHandler
{
    /// <summary>Finds a host pointer, or says by null that translated code has to be left, with the reason in the context.</summary>
    [UnmanagedCallersOnly]
    public static byte* Handle(TranslatorContext* context, ulong address)
    {
        TranslatorVirtualCpu processor = ContextOwners.Of(context);
        try
        {
            return Find(processor, context, address);
        }
        catch (Exception error)
        {
            // Emitted code has no way for an exception: it goes on where the vCPU has left that code.
            processor.NoteDefect(error);
            context->ExitReason = (uint)ExitReason.Defect;
            return null;
        }
    }

    private static byte* Find(TranslatorVirtualCpu processor, TranslatorContext* context, ulong address)
    {
        context->TlbMisses++;
        if (context->ConflictsLeft == 0)
        {
            processor.NoteConflict();
        }

        AccessKind access = (AccessKind)context->AccessKind;
        bool careful = true;
        byte* host = (access & AccessKind.Masked) != 0
            ? processor.Memory.ResolveMasked(address, (ushort)access, (access & AccessKind.Write) != 0)
            : processor.Memory.Resolve(address, (ushort)access, (access & AccessKind.Write) != 0, out careful);
        if (host == null)
        {
            context->ExitReason = (uint)((access & AccessKind.Group) != 0 ? ExitReason.Ungroup
                : careful ? ExitReason.Careful : ExitReason.Fault);
        }

        return host;
    }
}

/// <summary>Finds the vCPU that a context belongs to.</summary>
internal static unsafe class ContextOwners
{
    /// <summary>Notes the owner in the context.</summary>
    public static void Register(TranslatorContext* context, GCHandle owner) => context->Owner = (ulong)(nint)GCHandle.ToIntPtr(owner);

    /// <summary>Takes the note away.</summary>
    public static void Unregister(TranslatorContext* context) => context->Owner = 0;

    /// <summary>Reads the note.</summary>
    public static TranslatorVirtualCpu Of(TranslatorContext* context) =>
        Unsafe.As<TranslatorVirtualCpu>(GCHandle.FromIntPtr((nint)context->Owner).Target!);
}
