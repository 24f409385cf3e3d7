using System.Collections.Immutable;

namespace Nacelle.Cpu;

/// <summary>A generation of processors, as a guest can be shown one. Immutable.</summary>
/// <param name="Name">The name that QEMU and libvirt have for it.</param>
/// <param name="Description">What it is, for people.</param>
/// <param name="Identity">What CPUID says of vendor, family and name; null for a level that has the host's.</param>
/// <param name="Features">All its features.</param>
public sealed record CpuModel(string Name, string Description, CpuModelIdentity? Identity, ImmutableArray<CpuFeature> Features);

/// <summary>What CPUID functions 0, 1 and 80000002H to 80000004H say.</summary>
/// <param name="Vendor">12 characters, such as "GenuineIntel".</param>
/// <param name="Family">Family with its extension, 6 to 0x10E.</param>
/// <param name="Model">Model with its extension, 0 to 255.</param>
/// <param name="Stepping">0 to 15.</param>
public sealed record CpuModelIdentity(string Vendor, int Family, int Model, int Stepping)
{
    /// <summary>EAX of function 1 (SDM volume 2, figure 3-6).</summary>
    public uint Signature
    {
        get
        {
            int family = Math.Min(Family, 0xF);
            int extendedFamily = Family - family;
            return (uint)((extendedFamily << 20) | ((Model >> 4) << 16) | (family << 8) | ((Model & 0xF) << 4) | Stepping);
        }
    }

    /// <summary>Whether the vendor is AMD or Hygon, whose extended functions differ.</summary>
    public bool IsAmd => IsOfAmd(Vendor);

    /// <summary>Whether a vendor's name is that of AMD or Hygon.</summary>
    public static bool IsOfAmd(string vendor) => vendor is "AuthenticAMD" or "HygonGenuine";
}
