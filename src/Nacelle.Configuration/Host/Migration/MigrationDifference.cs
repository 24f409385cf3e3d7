namespace Nacelle.Configuration;

/// <summary>In what two hosts differ, as far as a guest that moves from one to the other would notice.</summary>
public enum MigrationAspect
{
    /// <summary>The vendor of the processor (C2.MIG-CPU). The same in both directions.</summary>
    Vendor,

    /// <summary>Whether no-execute pages are in force (C2.MIG-NX). The same in both directions.</summary>
    NoExecute,

    /// <summary>A feature that guests of the source can see, and that the destination cannot show.</summary>
    Feature,

    /// <summary>A part of the state that XSAVE carries is missing at the destination, or lies elsewhere in what XSAVE writes.</summary>
    ExtendedState,

    /// <summary>The destination's physical addresses are shorter.</summary>
    PhysicalAddressBits,

    /// <summary>The time-stamp counter ticks at another rate, and the destination cannot scale it or does not tell.</summary>
    TscFrequency,

    /// <summary>The destination's time-stamp counter is not invariant.</summary>
    InvariantTsc,

    /// <summary>Guests of the source can have guests of their own, and those of the destination cannot.</summary>
    Nested,
}

/// <summary>A thing in which the destination falls short of the source. Immutable.</summary>
/// <param name="Aspect">What it is about.</param>
/// <param name="Name">The feature or component; null for aspects that have one thing only.</param>
/// <param name="Source">What the source has, in a word or two.</param>
/// <param name="Destination">What the destination has.</param>
/// <param name="Explanation">One line for a person: the difference, and what it would do to the guest.</param>
public sealed record MigrationDifference(MigrationAspect Aspect, string? Name, string Source, string Destination, string Explanation);

/// <summary>How the rates of two time-stamp counters stand to each other.</summary>
public enum TscRelation
{
    /// <summary>Equal, within what KVM tolerates (250 parts in a million) and measuring can tell.</summary>
    Same,

    /// <summary>Different, and the destination's processor can scale its own to the source's.</summary>
    Scaled,

    /// <summary>Different, and the destination cannot scale.</summary>
    Different,

    /// <summary>A frequency is not known, or they differ and nobody tells whether the destination can scale.</summary>
    Unknown,
}
