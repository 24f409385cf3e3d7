namespace Nacelle.Translation.Runtime;

/// <summary>What another thread asks of a vCPU about its translated code.</summary>
/// <param name="Page">Guest-physical page.</param>
/// <param name="Chunks">Chunks whose blocks are to be dropped; zero: send writes to the page the slow way.</param>
/// <param name="Counted">Whether the watch over the page waits for it.</param>
internal readonly record struct CodeRequest(ulong Page, ulong Chunks, bool Counted);
