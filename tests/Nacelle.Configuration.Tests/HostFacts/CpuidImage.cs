using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Nacelle.Cpu;

namespace Nacelle.Configuration.Tests;

/// <summary>What CPUID answers on a machine whose /proc/cpuinfo is known: the bits that stand behind the kernel's words.</summary>
internal sealed partial class CpuidImage
{
    /// <summary>
    /// Words of the kernel that <see cref="CpuFeatures"/> knows by another name, or not at all; null for words of the kernel's own making, which no
    /// bit stands behind.
    /// </summary>
    private static readonly Dictionary<string, (uint Function, uint Index, CpuidRegister Register, int Bit)?> s_words = new()
    {
        ["dts"] = (1, 0, CpuidRegister.Edx, 21),
        ["acpi"] = (1, 0, CpuidRegister.Edx, 22),
        ["tm"] = (1, 0, CpuidRegister.Edx, 29),
        ["pbe"] = (1, 0, CpuidRegister.Edx, 31),
        ["dtes64"] = (1, 0, CpuidRegister.Ecx, 2),
        ["ds_cpl"] = (1, 0, CpuidRegister.Ecx, 4),
        ["smx"] = (1, 0, CpuidRegister.Ecx, 6),
        ["est"] = (1, 0, CpuidRegister.Ecx, 7),
        ["tm2"] = (1, 0, CpuidRegister.Ecx, 8),
        ["cid"] = (1, 0, CpuidRegister.Ecx, 10),
        ["sdbg"] = (1, 0, CpuidRegister.Ecx, 11),
        ["xtpr"] = (1, 0, CpuidRegister.Ecx, 14),
        ["dca"] = (1, 0, CpuidRegister.Ecx, 18),
        ["dtherm"] = (6, 0, CpuidRegister.Eax, 0),
        ["ida"] = (6, 0, CpuidRegister.Eax, 1),
        ["pln"] = (6, 0, CpuidRegister.Eax, 4),
        ["pts"] = (6, 0, CpuidRegister.Eax, 6),
        ["hwp"] = (6, 0, CpuidRegister.Eax, 7),
        ["hwp_notify"] = (6, 0, CpuidRegister.Eax, 8),
        ["hwp_act_window"] = (6, 0, CpuidRegister.Eax, 9),
        ["hwp_epp"] = (6, 0, CpuidRegister.Eax, 10),
        ["hwp_pkg_req"] = (6, 0, CpuidRegister.Eax, 11),
        ["hfi"] = (6, 0, CpuidRegister.Eax, 19),
        ["aperfmperf"] = (6, 0, CpuidRegister.Ecx, 0),
        ["epb"] = (6, 0, CpuidRegister.Ecx, 3),
        ["sgx"] = (7, 0, CpuidRegister.Ebx, 2),
        ["cqm"] = (7, 0, CpuidRegister.Ebx, 12),
        ["rdt_a"] = (7, 0, CpuidRegister.Ebx, 15),
        ["intel_pt"] = (7, 0, CpuidRegister.Ebx, 25),
        ["ospke"] = (7, 0, CpuidRegister.Ecx, 4),
        ["tme"] = (7, 0, CpuidRegister.Ecx, 13),
        ["bus_lock_detect"] = (7, 0, CpuidRegister.Ecx, 24),
        ["cldemote"] = (7, 0, CpuidRegister.Ecx, 25),
        ["enqcmd"] = (7, 0, CpuidRegister.Ecx, 29),
        ["sgx_lc"] = (7, 0, CpuidRegister.Ecx, 30),
        ["user_shstk"] = (7, 0, CpuidRegister.Ecx, 7),
        ["arch_lbr"] = (7, 0, CpuidRegister.Edx, 19),
        ["ibt"] = (7, 0, CpuidRegister.Edx, 20),
        ["pconfig"] = (7, 0, CpuidRegister.Edx, 18),
        ["flush_l1d"] = (7, 0, CpuidRegister.Edx, 28),
        ["split_lock_detect"] = null,
        ["extapic"] = (0x8000_0001, 0, CpuidRegister.Ecx, 3),
        ["ibs"] = (0x8000_0001, 0, CpuidRegister.Ecx, 10),
        ["skinit"] = (0x8000_0001, 0, CpuidRegister.Ecx, 12),
        ["wdt"] = (0x8000_0001, 0, CpuidRegister.Ecx, 13),
        ["lwp"] = (0x8000_0001, 0, CpuidRegister.Ecx, 15),
        ["tce"] = (0x8000_0001, 0, CpuidRegister.Ecx, 17),
        ["nodeid_msr"] = (0x8000_0001, 0, CpuidRegister.Ecx, 19),
        ["perfctr_nb"] = (0x8000_0001, 0, CpuidRegister.Ecx, 24),
        ["bpext"] = (0x8000_0001, 0, CpuidRegister.Ecx, 26),
        ["perfctr_llc"] = (0x8000_0001, 0, CpuidRegister.Ecx, 28),
        ["mwaitx"] = (0x8000_0001, 0, CpuidRegister.Ecx, 29),
        ["3dnowext"] = (0x8000_0001, 0, CpuidRegister.Edx, 30),
        ["3dnow"] = (0x8000_0001, 0, CpuidRegister.Edx, 31),
        ["rng"] = (0xC000_0001, 0, CpuidRegister.Edx, 2),
        ["rng_en"] = (0xC000_0001, 0, CpuidRegister.Edx, 3),
        ["ace"] = (0xC000_0001, 0, CpuidRegister.Edx, 6),
        ["ace_en"] = (0xC000_0001, 0, CpuidRegister.Edx, 7),
        ["ace2"] = (0xC000_0001, 0, CpuidRegister.Edx, 8),
        ["ace2_en"] = (0xC000_0001, 0, CpuidRegister.Edx, 9),
        ["phe"] = (0xC000_0001, 0, CpuidRegister.Edx, 10),
        ["phe_en"] = (0xC000_0001, 0, CpuidRegister.Edx, 11),
        ["pmm"] = (0xC000_0001, 0, CpuidRegister.Edx, 12),
        ["pmm_en"] = (0xC000_0001, 0, CpuidRegister.Edx, 13),
        ["irperf"] = (0x8000_0008, 0, CpuidRegister.Ebx, 1),
        ["rdpru"] = (0x8000_0008, 0, CpuidRegister.Ebx, 4),
        ["amd_ppin"] = (0x8000_0008, 0, CpuidRegister.Ebx, 23),
        ["virt_ssbd"] = (0x8000_0008, 0, CpuidRegister.Ebx, 25),
        ["cppc"] = (0x8000_0008, 0, CpuidRegister.Ebx, 27),
        ["brs"] = (0x8000_0008, 0, CpuidRegister.Ebx, 31),
        ["npt"] = (0x8000_000A, 0, CpuidRegister.Edx, 0),
        ["lbrv"] = (0x8000_000A, 0, CpuidRegister.Edx, 1),
        ["svm_lock"] = (0x8000_000A, 0, CpuidRegister.Edx, 2),
        ["nrip_save"] = (0x8000_000A, 0, CpuidRegister.Edx, 3),
        ["tsc_scale"] = (0x8000_000A, 0, CpuidRegister.Edx, 4),
        ["vmcb_clean"] = (0x8000_000A, 0, CpuidRegister.Edx, 5),
        ["flushbyasid"] = (0x8000_000A, 0, CpuidRegister.Edx, 6),
        ["decodeassists"] = (0x8000_000A, 0, CpuidRegister.Edx, 7),
        ["pausefilter"] = (0x8000_000A, 0, CpuidRegister.Edx, 10),
        ["pfthreshold"] = (0x8000_000A, 0, CpuidRegister.Edx, 12),
        ["avic"] = (0x8000_000A, 0, CpuidRegister.Edx, 13),
        ["v_vmsave_vmload"] = (0x8000_000A, 0, CpuidRegister.Edx, 15),
        ["vgif"] = (0x8000_000A, 0, CpuidRegister.Edx, 16),
        ["x2avic"] = (0x8000_000A, 0, CpuidRegister.Edx, 18),
        ["v_spec_ctrl"] = (0x8000_000A, 0, CpuidRegister.Edx, 20),
        ["vnmi"] = (0x8000_000A, 0, CpuidRegister.Edx, 25),
        ["hw_pstate"] = (0x8000_0007, 0, CpuidRegister.Edx, 7),
        ["cpb"] = (0x8000_0007, 0, CpuidRegister.Edx, 9),
        ["sme"] = (0x8000_001F, 0, CpuidRegister.Eax, 0),
        ["sev"] = (0x8000_001F, 0, CpuidRegister.Eax, 1),
        ["sev_es"] = (0x8000_001F, 0, CpuidRegister.Eax, 3),
        ["sev_snp"] = (0x8000_001F, 0, CpuidRegister.Eax, 4),
        ["debug_swap"] = (0x8000_001F, 0, CpuidRegister.Eax, 14),
        ["ibrs_enhanced"] = null,
        ["amd_lbr_v2"] = (0x8000_0022, 0, CpuidRegister.Eax, 1),
        ["perfmon_v2"] = (0x8000_0022, 0, CpuidRegister.Eax, 0),
    };

    /// <summary>Words of the kernel's own making: ways to protect itself, and what it found out by family and model.</summary>
    private static readonly HashSet<string> s_ofTheKernel =
    [
        "constant_tsc", "nonstop_tsc", "rep_good", "nopl", "xtopology", "cpuid", "tsc_known_freq", "tsc_reliable", "amd_dcm", "extd_apicid", "pebs",
        "bts", "arch_perfmon", "fpu_exception", "up", "eagerfpu", "invpcid_single", "pti", "kaiser", "ssbd", "ibrs", "ibpb", "stibp", "tpr_shadow",
        "flexpriority", "ept", "vpid", "ept_ad", "cpuid_fault", "ring3mwait", "cat_l2", "cat_l3", "cdp_l3", "mba", "cqm_llc",
        "cqm_occup_llc", "cqm_mbm_total", "cqm_mbm_local", "smba", "bmec", "overflow_recov", "succor", "smca", "vmmcall", "proc_feedback",
        "rsb_ctxsw", "rapl", "retpoline", "retpoline_amd", "intel_ppin", "nonstop_tsc_s3", "acc_power",
        "ibrs_enhanced", "split_lock_detect", "art",
    ];

    private readonly ImmutableArray<string> _flags;
    private readonly string _vendor;
    private readonly uint _crystalRatio;

    public CpuidImage(
        string vendor, int family, int model, int stepping, string name, ImmutableArray<string> flags, string addressSizes, uint crystalRatio = 0)
    {
        _vendor = vendor;
        _crystalRatio = crystalRatio;
        (Family, Model, Stepping, Name, _flags) = (family, model, stepping, name, flags);
        Match match = Sizes().Match(addressSizes);
        PhysicalAddressBits = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
        LinearAddressBits = int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
    }

    public int Family { get; }

    public int Model { get; }

    public int Stepping { get; }

    public string Name { get; }

    public int PhysicalAddressBits { get; }

    public int LinearAddressBits { get; }

    private bool IsAmd => CpuModelIdentity.IsOfAmd(_vendor);

    public ImmutableArray<HostCpuidLeaf> Leaves()
    {
        Dictionary<(uint Function, uint Index), CpuidResult> table = [];
        void Merge(uint function, uint index, CpuidResult more)
        {
            CpuidResult old = table.GetValueOrDefault((function, index));
            table[(function, index)] = new CpuidResult(old.Eax | more.Eax, old.Ebx | more.Ebx, old.Ecx | more.Ecx, old.Edx | more.Edx);
        }

        byte[] vendor = Encoding.ASCII.GetBytes(_vendor);
        CpuidResult named = new(0, BitConverter.ToUInt32(vendor, 0), BitConverter.ToUInt32(vendor, 8), BitConverter.ToUInt32(vendor, 4));
        bool seven = _flags.Any(flag => Bit(flag) is { Function: 7 });
        bool state = _flags.Contains("xsave");
        Merge(0, 0, named with { Eax = _crystalRatio != 0 ? 0x15u : state ? 0xDu : seven ? 7u : 6u });
        if (_crystalRatio != 0)
        {
            // Twice the counter's ticks for each of the crystal's, which has 25 MHz on servers.
            Merge(0x15, 0, new CpuidResult(2, _crystalRatio, 25_000_000, 0));
        }

        Merge(1, 0, new CpuidResult(new CpuModelIdentity(_vendor, Family, Model, Stepping).Signature, 0, state ? 1u << 27 : 0, 0));
        Merge(0x8000_0000, 0, (IsAmd || _vendor == "  Shanghai  " ? named : default) with { Eax = IsAmd ? 0x8000_0021 : 0x8000_0008 });
        Merge(0x8000_0008, 0, new CpuidResult((uint)(PhysicalAddressBits | (LinearAddressBits << 8)), 0, 0, 0));
        byte[] brand = new byte[48];
        Encoding.ASCII.GetBytes(Name).CopyTo(brand, 0);
        for (int i = 0; i < 3; i++)
        {
            Merge((uint)(0x8000_0002 + i), 0, new CpuidResult(
                BitConverter.ToUInt32(brand, i * 16), BitConverter.ToUInt32(brand, (i * 16) + 4), BitConverter.ToUInt32(brand, (i * 16) + 8), BitConverter.ToUInt32(brand, (i * 16) + 12)));
        }

        foreach (string flag in _flags)
        {
            // Intel's virtual NMIs are a word of the kernel's, AMD's a bit.
            if ((flag == "vnmi" && !IsAmd) || Bit(flag) is not { } bit)
            {
                Assert.True(flag == "vnmi" || s_ofTheKernel.Contains(flag) || s_words.ContainsKey(flag), $"'{flag}' is no word that is known: which bit is it, or is it of the kernel's making?");
                continue;
            }

            uint mask = 1u << bit.Bit;
            Merge(bit.Function, bit.Index, bit.Register switch
            {
                CpuidRegister.Eax => new CpuidResult(mask, 0, 0, 0),
                CpuidRegister.Ebx => new CpuidResult(0, mask, 0, 0),
                CpuidRegister.Ecx => new CpuidResult(0, 0, mask, 0),
                _ => new CpuidResult(0, 0, 0, mask),
            });
        }

        if (table.ContainsKey((0xC000_0001, 0)))
        {
            Merge(0xC000_0000, 0, new CpuidResult(0xC000_0001, 0, 0, 0));
        }

        if (table.ContainsKey((7, 1)))
        {
            Merge(7, 0, new CpuidResult(1, 0, 0, 0));
        }

        // Intel and AMD promise an invariant counter by this bit, from which the kernel makes nonstop_tsc.
        if (_flags.Contains("nonstop_tsc"))
        {
            Merge(0x8000_0007, 0, new CpuidResult(0, 0, 0, 1 << 8));
        }

        AddProtections(Merge);
        if (IsAmd)
        {
            // Repeated from function 1.
            Merge(0x8000_0001, 0, new CpuidResult(table[(1, 0)].Eax, 0, 0, table[(1, 0)].Edx & 0x0183_F3FF));
        }

        if (state)
        {
            AddState(Merge);
        }

        return [.. table.OrderBy(row => row.Key).Select(row => new HostCpuidLeaf(row.Key.Function, row.Key.Index, row.Value))];
    }

    /// <summary>The kernel has one word for what Intel and AMD have each a bit for.</summary>
    private void AddProtections(Action<uint, uint, CpuidResult> merge)
    {
        uint intel = (_flags.Contains("ibrs") || _flags.Contains("ibpb") ? 1u << 26 : 0) | (_flags.Contains("stibp") ? 1u << 27 : 0) | (_flags.Contains("ssbd") ? 1u << 31 : 0);
        uint amd = (_flags.Contains("ibpb") ? 1u << 12 : 0) | (_flags.Contains("ibrs") ? 1u << 14 : 0) | (_flags.Contains("stibp") ? 1u << 15 : 0)
            | (_flags.Contains("ssbd") && !_flags.Contains("virt_ssbd") && Family >= 0x17 && _flags.Contains("ibrs") ? 1u << 24 : 0);
        if (IsAmd)
        {
            merge(0x8000_0008, 0, new CpuidResult(0, amd, 0, 0));
        }
        else if (intel != 0)
        {
            merge(7, 0, new CpuidResult(0, 0, 0, intel));
        }
    }

    private void AddState(Action<uint, uint, CpuidResult> merge)
    {
        // Offsets and sizes of the components (SDM volume 1, 13.4 and 13.5); AMD has no bounds and begins lower.
        uint keys = IsAmd ? 2432u : 2688;
        (uint Component, string Flag, uint Size, uint Offset)[] components =
        [
            (2, "avx", 256, 576), (3, "mpx", 64, 960), (4, "mpx", 64, 1024), (5, "avx512f", 64, 1088), (6, "avx512f", 512, 1152),
            (7, "avx512f", 1024, 1664), (9, "pku", 8, keys), (17, "amx_tile", 64, 2752), (18, "amx_tile", 8192, 2816),
        ];
        if (IsAmd && _flags.Contains("avx512f"))
        {
            components[3].Offset = 832;
            components[4].Offset = 896;
            components[5].Offset = 1408;
        }

        uint mask = 3;
        uint size = 576;
        foreach ((uint component, string flag, uint bytes, uint offset) in components)
        {
            if (_flags.Contains(flag))
            {
                mask |= 1u << (int)component;
                size = Math.Max(size, offset + bytes);
                merge(0xD, component, new CpuidResult(bytes, offset, 0, 0));
            }
        }

        merge(0xD, 0, new CpuidResult(mask, size, size, 0));
        merge(0xD, 1, default);
    }

    private static (uint Function, uint Index, CpuidRegister Register, int Bit)? Bit(string flag)
    {
        if (s_words.TryGetValue(flag, out (uint, uint, CpuidRegister, int)? known))
        {
            return known;
        }

        string name = flag switch
        {
            "lbrv" => flag,
            "amx_tile" => "amx-tile",
            "amx_int8" => "amx-int8",
            "amx_bf16" => "amx-bf16",
            "avx512_bf16" => "avx512-bf16",
            "avx512_fp16" => "avx512-fp16",
            "avx512_vbmi2" => "avx512vbmi2",
            "avx512_vp2intersect" => "avx512-vp2intersect",
            "avx_vnni" => "avx-vnni",
            "md_clear" => "md-clear",
            "arch_capabilities" => "arch-capabilities",
            "cr8_legacy" => "cr8legacy",
            "tsxldtrk" => "tsx-ldtrk",
            "cx16" => "cx16",

            // The kernel's words for both vendors' bits.
            "ssbd" or "ibrs" or "ibpb" or "stibp" => "",
            _ => flag,
        };
        return s_ofTheKernel.Contains(flag) || CpuFeatures.Find(name) is not { } feature
            ? null
            : (feature.Function, feature.Index, feature.Register, feature.Bit);
    }

    [GeneratedRegex("^([0-9]+) bits physical, ([0-9]+) bits virtual$")]
    private static partial Regex Sizes();
}
