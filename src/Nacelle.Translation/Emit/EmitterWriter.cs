using Iced.Intel;

namespace Nacelle.Translation.Emit;

/// <summary>Lets Iced's encoder and assembler write to the code memory.</summary>
internal sealed class EmitterWriter(CodeEmitter emit) : CodeWriter
{
    /// <inheritdoc/>
    public override void WriteByte(byte value) => emit.Byte(value);
}
