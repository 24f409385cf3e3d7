using System.Collections.Immutable;

namespace Nacelle.Configuration;

/// <summary>
/// A change of a configuration that needs no decision by a person. Those of single items say so, so that thousands of them are made, and
/// shown, in time that grows with their number alone. Immutable.
/// </summary>
internal abstract class Correction
{
    /// <summary>JSON pointer of the item that it changes; null where it changes more than one.</summary>
    public virtual string? Item => null;

    /// <summary>What tells it from other changes of the whole; null for a change of one item.</summary>
    public virtual Delegate? Whole => null;

    /// <summary>A change of whatever it likes, which does nothing the second time. One delegate stands for one change.</summary>
    internal static Correction Of(Func<MachineConfiguration, MachineConfiguration> change) => new WholeCorrection(change);

    /// <summary>A change of one item.</summary>
    /// <param name="list">The list.</param>
    /// <param name="index">The item's place.</param>
    /// <param name="change">Makes the item that takes its place; null takes it out.</param>
    internal static Correction OfItem<T>(MachineList<T> list, int index, Func<T, T>? change) where T : class => new ItemCorrection<T>(list, index, change);

    /// <summary>An item more, unless an equal one was added.</summary>
    internal static Correction Added<T>(MachineList<T> list, T item) where T : class => new AddedCorrection<T>(list, item);

    /// <summary>Makes all changes, each once.</summary>
    internal static MachineConfiguration Apply(MachineConfiguration machine, IEnumerable<Correction> corrections)
    {
        HashSet<Func<MachineConfiguration, MachineConfiguration>> wholes = [];
        Dictionary<MachineList, IListChange> lists = [];
        foreach (Correction correction in corrections)
        {
            if (correction is WholeCorrection whole)
            {
                wholes.Add(whole.Change);
            }
            else
            {
                correction.Collect(machine, lists);
            }
        }

        // Items first, while they have the places that they were found at.
        foreach (IListChange change in lists.Values)
        {
            machine = change.Finish(machine);
        }

        return wholes.Aggregate(machine, (current, change) => change(current));
    }

    /// <summary>The changed item alone, in a configuration that has nothing else.</summary>
    /// <returns>Null where it changes more than one item, or takes it out.</returns>
    internal abstract MachineConfiguration? Alone(MachineConfiguration machine, out string pointer);

    /// <summary>The item as it was, in a configuration that has nothing else.</summary>
    internal abstract MachineConfiguration? Before(MachineConfiguration machine);

    private protected abstract void Collect(MachineConfiguration machine, Dictionary<MachineList, IListChange> lists);

    /// <summary>Changes of one list.</summary>
    private protected interface IListChange
    {
        /// <summary>Makes them.</summary>
        MachineConfiguration Finish(MachineConfiguration machine);
    }

    private sealed class ListChange<T>(MachineList<T> list, ImmutableArray<T> before) : IListChange where T : class
    {
        private readonly T?[] _items = [.. before];
        private readonly List<T> _added = [];
        private readonly HashSet<T> _seen = [];

        public void Change(int index, Func<T, T>? change)
        {
            if (_items[index] is T old)
            {
                _items[index] = change?.Invoke(old);
            }
        }

        public void Add(T item)
        {
            if (_seen.Add(item))
            {
                _added.Add(item);
            }
        }

        public MachineConfiguration Finish(MachineConfiguration machine) => list.Set(machine, [.. _items.OfType<T>(), .. _added]);
    }

    private sealed class WholeCorrection(Func<MachineConfiguration, MachineConfiguration> change) : Correction
    {
        public Func<MachineConfiguration, MachineConfiguration> Change { get; } = change;

        public override Delegate Whole => Change;

        internal override MachineConfiguration? Alone(MachineConfiguration machine, out string pointer)
        {
            pointer = "";
            return null;
        }

        internal override MachineConfiguration? Before(MachineConfiguration machine) => null;

        private protected override void Collect(MachineConfiguration machine, Dictionary<MachineList, IListChange> lists) =>
            throw new InvalidOperationException("a change of the whole is no change of a list");
    }

    private sealed class ItemCorrection<T>(MachineList<T> list, int index, Func<T, T>? change) : Correction where T : class
    {
        public override string Item => ConfigurationChange.Item(list.Pointer, index);

        internal override MachineConfiguration? Alone(MachineConfiguration machine, out string pointer)
        {
            pointer = ConfigurationChange.Item(list.Pointer, 0);
            return change is null ? null : list.Set(new MachineConfiguration(), [change(list.Get(machine)[index])]);
        }

        internal override MachineConfiguration? Before(MachineConfiguration machine) => list.Set(new MachineConfiguration(), [list.Get(machine)[index]]);

        private protected override void Collect(MachineConfiguration machine, Dictionary<MachineList, IListChange> lists) =>
            ChangeOf(list, machine, lists).Change(index, change);
    }

    private sealed class AddedCorrection<T>(MachineList<T> list, T item) : Correction where T : class
    {
        public override string Item => list.Pointer + "/-";

        internal override MachineConfiguration? Alone(MachineConfiguration machine, out string pointer)
        {
            pointer = ConfigurationChange.Item(list.Pointer, 0);
            return list.Set(new MachineConfiguration(), [item]);
        }

        internal override MachineConfiguration? Before(MachineConfiguration machine) => null;

        private protected override void Collect(MachineConfiguration machine, Dictionary<MachineList, IListChange> lists) =>
            ChangeOf(list, machine, lists).Add(item);
    }

    private static ListChange<T> ChangeOf<T>(MachineList<T> list, MachineConfiguration machine, Dictionary<MachineList, IListChange> lists) where T : class
    {
        if (lists.TryGetValue(list, out IListChange? change))
        {
            return (ListChange<T>)change;
        }

        ListChange<T> made = new(list, list.Get(machine));
        lists.Add(list, made);
        return made;
    }
}
