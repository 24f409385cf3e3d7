using System.Text;

namespace Nacelle.Translation.Tests.MemoryOrdering;

/// <summary>
/// All outcomes that a litmus test can have, by trying every interleaving. The x86-TSO machine: each processor has a FIFO of
/// stores that it alone reads from; the oldest leaves for memory at any time; fences and locked instructions wait until it is
/// empty (Sewell, Sarkar, Owens, Zappa Nardelli, Myreen, "x86-TSO", CACM 53:7, 2010; SDM volume 3, 9.2).
/// </summary>
internal sealed class StoreOrderModel
{
    private readonly LitmusProgram _program;
    private readonly bool _buffered;
    private readonly HashSet<int> _outcomes = [];
    private readonly HashSet<string> _visited = [];

    private StoreOrderModel(LitmusProgram program, bool buffered)
    {
        _program = program;
        _buffered = buffered;
    }

    /// <summary>The outcomes that x86 allows.</summary>
    public static HashSet<int> Allowed(LitmusProgram program) => Explore(program, buffered: true);

    /// <summary>Those that happen without store buffers; the rest shows reordering.</summary>
    public static HashSet<int> SequentiallyConsistent(LitmusProgram program) => Explore(program, buffered: false);

    private static HashSet<int> Explore(LitmusProgram program, bool buffered)
    {
        StoreOrderModel model = new(program, buffered);
        model.Visit(new State(program.Threads.Length));
        return model._outcomes;
    }

    private void Visit(State state)
    {
        if (!_visited.Add(state.Key()))
        {
            return;
        }

        bool final = true;
        for (int thread = 0; thread < _program.Threads.Length; thread++)
        {
            if (state.Buffers[thread].Count != 0)
            {
                final = false;
                State next = state.Copy();
                (int variable, int value) = next.Buffers[thread][0];
                next.Buffers[thread].RemoveAt(0);
                next.Memory[variable] = value;
                Visit(next);
            }

            if (state.Places[thread] < _program.Threads[thread].Length)
            {
                final = false;
                Step(state, thread);
            }
        }

        if (final)
        {
            int outcome = 0;
            foreach ((int thread, int number) in _program.Observed)
            {
                outcome = (outcome << 2) | (thread < 0 ? state.Memory[number] : state.Registers[thread, number]);
            }

            _outcomes.Add(outcome);
        }
    }

    private void Step(State state, int thread)
    {
        LitmusOperation operation = _program.Threads[thread][state.Places[thread]];
        if (operation.Kind is LitmusKind.Fence or LitmusKind.Exchange && state.Buffers[thread].Count != 0)
        {
            return;
        }

        State next = state.Copy();
        next.Places[thread]++;
        switch (operation.Kind)
        {
            case LitmusKind.Store when _buffered:
                next.Buffers[thread].Add((operation.Variable, operation.Value));
                break;
            case LitmusKind.Store:
                next.Memory[operation.Variable] = operation.Value;
                break;
            case LitmusKind.Load:
                int own = next.Buffers[thread].FindLastIndex(entry => entry.Variable == operation.Variable);
                next.Registers[thread, operation.Register] =
                    own < 0 ? next.Memory[operation.Variable] : next.Buffers[thread][own].Value;
                break;
            case LitmusKind.Exchange:
                next.Registers[thread, operation.Register] = next.Memory[operation.Variable];
                next.Memory[operation.Variable] = operation.Value;
                break;
        }

        Visit(next);
    }

    private sealed class State(int threads)
    {
        public int[] Places { get; private init; } = new int[threads];

        public int[] Memory { get; private init; } = new int[LitmusProgram.MostVariables];

        public int[,] Registers { get; private init; } = new int[threads, LitmusProgram.MostRegisters];

        public List<(int Variable, int Value)>[] Buffers { get; private init; } =
            [.. Enumerable.Range(0, threads).Select(_ => new List<(int Variable, int Value)>())];

        public State Copy() => new(Places.Length)
        {
            Places = [.. Places],
            Memory = [.. Memory],
            Registers = (int[,])Registers.Clone(),
            Buffers = [.. Buffers.Select(buffer => buffer.ToList())],
        };

        public string Key()
        {
            StringBuilder key = new();
            key.AppendJoin(',', Places).Append('/').AppendJoin(',', Memory).Append('/');
            foreach (int register in Registers)
            {
                key.Append(register).Append(',');
            }

            foreach (List<(int Variable, int Value)> buffer in Buffers)
            {
                key.Append('/').AppendJoin(',', buffer);
            }

            return key.ToString();
        }
    }
}
