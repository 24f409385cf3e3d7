using Iced.Intel;

namespace Nacelle.Translation.Tests.Oracle;

/// <summary>Makes a sequence from a seed: always the same from the same seed. For one sequence.</summary>
internal sealed unsafe class SequenceGenerator
{
    private static readonly byte[] s_prefixes = [0x2E, 0x3E, 0x26, 0x36, 0x64, 0x65, 0x66, 0x67, 0xF2, 0xF3, 0x40, 0x41, 0x48, 0x4F];
    private readonly SequenceRandom _random;
    private readonly List<SequenceItem> _items = [];
    private readonly List<SequenceItem> _forward = [];
    private readonly ProcessorImage _before;
    private readonly RegisterKnowledge _registers;
    private readonly InstructionBuilder _builder;
    private readonly StateImages _images;
    private readonly InstructionCatalogue _catalogue;
    private readonly int _bitness;

    private SequenceGenerator(ulong seed, int bitness, bool alignmentChecked)
    {
        _bitness = bitness;
        _catalogue = InstructionCatalogue.Of(bitness);
        _random = new SequenceRandom(seed);
        _before = InitialStates.Make(_random, bitness);
        _before.Flags |= alignmentChecked ? Nacelle.Cpu.RflagsBits.AlignmentCheck : 0;
        _registers = new RegisterKnowledge(in _before);
        _builder = new InstructionBuilder(
            _random, _registers, new MemoryOperands(_random, _registers, _before.FsBase, _before.GsBase, bitness), bitness);
        _images = new StateImages(_random, bitness);
    }

    /// <summary>Makes a sequence.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="single">Whether it is a single instruction.</param>
    /// <param name="crossing">Whether it is to be placed across the end of a page.</param>
    /// <param name="bitness">Width of the code: 64, or 32 for compatibility mode.</param>
    /// <param name="alignmentChecked">Whether RFLAGS.AC is set.</param>
    public static TestSequence Make(ulong seed, bool single, bool crossing, int bitness = 64, bool alignmentChecked = false)
    {
        SequenceGenerator generator = new(seed, bitness, alignmentChecked);
        generator.Fill(single ? 1 : 1 + generator._random.Below(12), single, crossing ? 30 : 14);
        generator.SetTargets();
        int beforePageEnd = crossing ? 1 + generator._random.Below(single ? 6 : 40) : -1;
        return new TestSequence(seed, generator._items, generator._before) { BeforePageEnd = beforePageEnd, Bitness = bitness };
    }

    private void Fill(int count, bool single, int idioms)
    {
        while (_items.Count < count)
        {
            if (single || !_random.Percent(idioms))
            {
                AddInstruction();
            }
            else
            {
                AddIdiom();
            }
        }
    }

    private void AddInstruction()
    {
        int kind = _random.Below(100);
        IReadOnlyList<Code> codes = kind switch
        {
            < 46 => _catalogue.Integer,
            < 52 => _catalogue.Strings,
            < 60 => _catalogue.Unit,
            < 78 => _catalogue.LegacyVector,
            >= 92 when _catalogue.Wide.Count != 0 => _catalogue.Wide,
            _ => _catalogue.Vector,
        };
        Code code = _random.Of(codes);
        if (!_builder.TryBuild(code, out Instruction instruction) || !EncodedInstruction.TryMake(instruction, [], out byte[] bytes, _bitness))
        {
            return;
        }

        if (_random.Percent(10))
        {
            byte[] prefixes = new byte[1 + _random.Below(2)];
            for (int i = 0; i < prefixes.Length; i++)
            {
                prefixes[i] = _random.Of(s_prefixes);
            }

            if (EncodedInstruction.TryMake(instruction, prefixes, out byte[] prefixed, _bitness))
            {
                Add(new SequenceItem(instruction) { Prefixes = prefixes }, EncodedInstruction.Decode(prefixed, _bitness));
                return;
            }
        }

        if (instruction.FlowControl == FlowControl.Next && _random.Percent(1) && bytes[0] != 0xF0)
        {
            // LOCK where it is not allowed raises #UD; on AMD's processors it makes CR0 CR8.
            byte[] locked = [0xF0, .. bytes];
            if (instruction.Mnemonic != Mnemonic.Mov && EncodedInstruction.Decode(locked, _bitness).IsInvalid && !instruction.IsIPRelativeMemoryOperand)
            {
                Add(new SequenceItem(instruction) { Bytes = locked }, instruction);
                return;
            }
        }

        Add(new SequenceItem(instruction), instruction);
    }

    private void Add(SequenceItem item, in Instruction effect)
    {
        if (item.Instruction.Op0Kind is OpKind.NearBranch64 or OpKind.NearBranch32 && item.Target is null)
        {
            _forward.Add(item);
        }

        _items.Add(item);
        _registers.Follow(effect);
    }

    private SequenceItem Add(in Instruction instruction)
    {
        SequenceItem item = new(instruction);
        Add(item, instruction);
        return item;
    }

    private void Load(Register register, ulong value)
    {
        if (_bitness == 32)
        {
            Add(Instruction.Create(Code.Mov_r32_imm32, register - Register.RAX + Register.EAX, (uint)value));
            value = (uint)value;
        }
        else
        {
            Add(Instruction.Create(Code.Mov_r64_imm64, register, value));
        }

        _registers.Set(register - Register.RAX, value);
    }

    /// <summary>Several instructions that belong together.</summary>
    private void AddIdiom()
    {
        switch (_random.Below(12))
        {
            case 0:
                AddString();
                break;
            case 1:
                AddLoop();
                break;
            case 2:
                AddCall();
                break;
            case 3:
                AddIndirect();
                break;
            case 4:
                AddDivision();
                break;
            case 5:
                AddFlags();
                break;
            case 6:
                AddControl();
                break;
            case 7 or 8:
                AddGroup();
                break;
            case 9:
                AddCall();
                break;
            default:
                foreach (Instruction instruction in _images.Make())
                {
                    Add(instruction);
                }

                break;
        }
    }

    private void AddString()
    {
        MemoryOperands memory = new(_random, _registers, _before.FsBase, _before.GsBase, _bitness);
        Load(Register.RSI, memory.Target(8));
        Load(Register.RDI, _random.Percent(30) ? _registers.Value(6) + (ulong)_random.Below(32) - 16 : memory.Target(8));
        Load(Register.RCX, (ulong)(_random.Percent(90) ? _random.Below(40) : _random.Below(2000)));
        if (_builder.TryBuild(_random.Of(_catalogue.Strings), out Instruction instruction)
            && EncodedInstruction.TryMake(instruction, [], out _, _bitness))
        {
            Add(instruction);
        }
    }

    private void AddLoop()
    {
        // Some go round often enough for another thread's request to find them.
        Load(Register.RCX, (ulong)(1 + _random.Below(_random.Percent(20) ? 300 : 5)));
        int start = _items.Count;
        AddInstruction();
        AddInstruction();
        if (_items.Count == start || !_registers.IsKnown(1))
        {
            return;
        }

        Code code = _random.Of(_bitness == 32
            ? (Code[])[Code.Loop_rel8_32_ECX, Code.Loope_rel8_32_ECX, Code.Loopne_rel8_32_ECX, Code.Loop_rel8_32_CX]
            : [Code.Loop_rel8_64_RCX, Code.Loope_rel8_64_RCX, Code.Loopne_rel8_64_RCX, Code.Loop_rel8_64_ECX]);
        SequenceItem back = new(Instruction.CreateBranch(code, 0)) { Target = _items[start] };
        Add(back, back.Instruction);
    }

    /// <summary>Accesses at constant distances from each other, about the end of a page: some across it, some refused.</summary>
    private void AddGroup()
    {
        int pointer = _random.Of((int[])[0, 2, 3, 5, 6, 7]);
        int page = _random.Of((int[])
            [0x1000, 0x2000, 0x3000, OracleLayout.ReadOnlyPage, OracleLayout.Hole, OracleLayout.Island, OracleLayout.Island + 0x1000]);
        Load(Register.RAX + pointer, OracleLayout.DataBase + (ulong)(page - 40 + _random.Below(64)));
        Register first = _bitness == 32 ? Register.EAX : Register.RAX;
        int count = 2 + _random.Below(4);
        for (int i = 0; i < count; i++)
        {
            MemoryOperand place = new(first + pointer, _random.Below(80) - 40, 1);
            int other = _random.Below(8);
            other = other == 4 || other == pointer ? 1 : other;
            Register narrow = Register.EAX + other;
            Register vector = Register.XMM0 + other;
            Add(_random.Below(_bitness == 32 ? 8 : 10) switch
            {
                0 => Instruction.Create(Code.Mov_r32_rm32, narrow, place),
                1 => Instruction.Create(Code.Mov_rm32_r32, place, narrow),
                2 => Instruction.Create(Code.Add_rm32_r32, place, narrow),
                3 => Instruction.Create(Code.Movdqu_xmm_xmmm128, vector, place),
                4 => Instruction.Create(Code.Movdqu_xmmm128_xmm, place, vector),
                5 => Instruction.Create(Code.Mov_rm16_r16, place, Register.AX + other),
                6 => Instruction.Create(Code.Cmp_r32_rm32, narrow, place),
                7 => Instruction.Create(Code.Mov_rm8_imm8, place, _random.Below(128)),
                8 => Instruction.Create(Code.Mov_r64_rm64, Register.RAX + other, place),
                _ => Instruction.Create(Code.Mov_rm64_r64, place, Register.RAX + other),
            });
        }
    }

    private void AddCall()
    {
        SequenceItem call = new(Branch(Code.Call_rel32_64, Code.Call_rel32_32));
        SequenceItem over = new(Branch(Code.Jmp_rel32_64, Code.Jmp_rel32_32));
        _items.Add(call);
        AddInstruction();
        _items.Add(over);
        int callee = _items.Count;
        AddInstruction();
        SequenceItem back = _random.Percent(80)
            ? new SequenceItem(Instruction.Create(_bitness == 32 ? Code.Retnd : Code.Retnq))
            : new SequenceItem(Instruction.Create(_bitness == 32 ? Code.Retnd_imm16 : Code.Retnq_imm16, (uint)(8 * _random.Below(3))));
        _items.Add(back);
        call.Target = _items[callee];
        _forward.Add(over);
    }

    private void AddIndirect()
    {
        int register = _random.Below(_bitness == 32 ? 8 : 16);
        if (register == 4)
        {
            return;
        }

        Instruction load = _bitness == 32 ? Instruction.Create(Code.Mov_r32_imm32, Register.EAX + register, 0) : Instruction.Create(
            Code.Lea_r64_m, Register.RAX + register, new MemoryOperand(Register.RIP, (long)OracleLayout.CodeBase, 8));
        SequenceItem address = new(load);
        Add(address, load);
        bool throughMemory = _random.Percent(40);
        MemoryOperand slot = new(Register.None, (long)OracleLayout.DataBase + 0x100 + (8 * _random.Below(64)), _bitness / 8);
        Register pointer = (_bitness == 32 ? Register.EAX : Register.RAX) + register;
        if (throughMemory)
        {
            Add(Instruction.Create(_bitness == 32 ? Code.Mov_rm32_r32 : Code.Mov_rm64_r64, slot, pointer));
        }

        bool call = _random.Percent(40);
        Code code = (call, _bitness) switch
        {
            (true, 32) => Code.Call_rm32,
            (false, 32) => Code.Jmp_rm32,
            (true, _) => Code.Call_rm64,
            _ => Code.Jmp_rm64,
        };
        Add(throughMemory ? Instruction.Create(code, slot) : Instruction.Create(code, pointer));
        AddInstruction();
        _forward.Add(address);
        AddInstruction();
    }

    private Code PushCode => _bitness == 32 ? Code.Pushd_imm32 : Code.Pushq_imm32;

    private Instruction Branch(Code wide, Code narrow) => Instruction.CreateBranch(_bitness == 32 ? narrow : wide, 0);

    private void AddDivision()
    {
        Load(Register.RDX, _random.Percent(70) ? 0 : (ulong)_random.Below(100));
        Code code = _random.Of((Code[])
        [
            Code.Div_rm8, Code.Div_rm16, Code.Div_rm32, Code.Div_rm64, Code.Idiv_rm8, Code.Idiv_rm16, Code.Idiv_rm32, Code.Idiv_rm64,
        ]);
        if (_builder.TryBuild(code, out Instruction instruction) && EncodedInstruction.TryMake(instruction, [], out _, _bitness))
        {
            Add(instruction);
        }
    }

    private void AddFlags()
    {
        // Arithmetic flags, DF, sometimes ID. Not TF, NT and AC, which are system behaviour.
        int value = (int)_random.Next() & (0xCD5 | (_random.Percent(20) ? 1 << 21 : 0));
        bool narrow = _random.Percent(20);
        Add(Instruction.Create(narrow ? Code.Push_imm16 : PushCode, value & (narrow ? 0xFFFF : -1)));
        Add(Instruction.Create(narrow ? Code.Popfw : _bitness == 32 ? Code.Popfd : Code.Popfq));
    }

    private void AddControl()
    {
        int value = 0x1F80 | ((int)_random.Next() & (_random.Percent(10) ? 0x1_FFFF : 0xE07F));
        value &= _random.Percent(15) ? ~((int)_random.Next() & 0x1F80) : -1;
        Add(Instruction.Create(PushCode, value));
        Register stack = _bitness == 32 ? Register.ESP : Register.RSP;
        Add(Instruction.Create(_random.Percent(70) ? Code.Ldmxcsr_m32 : Code.VEX_Vldmxcsr_m32, new MemoryOperand(stack)));
        int target = _random.Below(4);
        Add(_bitness == 32 ? Instruction.Create(Code.Pop_r32, Register.EAX + target) : Instruction.Create(Code.Pop_r64, Register.RAX + target));
    }

    /// <summary>Branches go forwards, so that every sequence ends.</summary>
    private void SetTargets()
    {
        foreach (SequenceItem branch in _forward)
        {
            int next = _items.IndexOf(branch) + 1;
            int target = next + _random.Below(_items.Count - next + 1);
            if (target < _items.Count)
            {
                branch.Target = _items[target];
            }
            else
            {
                branch.ToEnd = true;
            }
        }
    }
}
