using System.Globalization;
using System.Net;
using Nacelle.Devices.Virtio.Network;
using Nacelle.Linux;
using Nacelle.Network;

namespace Nacelle.Machine.Board;

/// <summary>A network card from the host's back end up to the virtio device, with the loops that own its queue pairs.</summary>
internal sealed class NetworkAttachment : IDisposable
{
    private readonly INetworkBackend? _backend;
    private readonly List<EventLoop> _loops = [];

    /// <summary>Opens the back end and makes the device.</summary>
    /// <param name="description">The card.</param>
    /// <param name="index">Its place among the cards.</param>
    /// <param name="machine">The machine's name and number of vCPUs.</param>
    /// <param name="diagnostics">Takes a line when the back end is gone; called on a loop.</param>
    /// <param name="newLoop">Makes an event loop of a name.</param>
    /// <exception cref="MachineException">The back end cannot be had, or what was asked contradicts itself.</exception>
    internal NetworkAttachment(
        NetworkDescription description,
        int index,
        MachineDescription machine,
        Action<string> diagnostics,
        Func<string, EventLoop> newLoop)
    {
        MacAddress address = AddressOf(description, index, machine);
        try
        {
            _backend = Open(description, index, machine.VirtualCpus);
            for (int i = 0; i < _backend.QueuePairs.Count; i++)
            {
                _loops.Add(newLoop(string.Create(CultureInfo.InvariantCulture, $"net {index}.{i}")));
            }

            Device = new VirtioNetworkDevice(
                _backend, _loops, new VirtioNetworkOptions { Address = address }, line => diagnostics($"network {index}: {line}"));
        }
        catch (Exception error) when (error is NetworkOpenException or LinuxException)
        {
            Dispose();
            throw new MachineException(MachineErrorKind.HostResource, error.Message, error);
        }
    }

    /// <summary>What the guest drives.</summary>
    internal VirtioNetworkDevice Device { get; } = null!;

    /// <summary>After the transport is gone.</summary>
    public void Dispose()
    {
        Device?.Dispose();
        foreach (EventLoop loop in _loops)
        {
            loop.Dispose();
        }

        _backend?.Dispose();
    }

    private static INetworkBackend Open(NetworkDescription description, int index, int virtualCpus)
    {
        switch (description.Kind)
        {
            case NetworkBackendKind.Tap:
                if (description.TapName is not { } name)
                {
                    throw Contradiction(index, "a tap has no name; give the name of one, such as tap0");
                }

                if (!description.PortForwards.IsDefaultOrEmpty)
                {
                    throw Contradiction(index, "ports are forwarded by user-mode networking only; leave them out, or use it in place of the tap");
                }

                return OpenTap(name, description.Queues, virtualCpus);
            case NetworkBackendKind.User:
                if (description.TapName is not null)
                {
                    throw Contradiction(index, "user-mode networking has no tap; leave the name out, or connect to the tap");
                }

                if (description.Queues is not (0 or 1))
                {
                    throw Contradiction(
                        index, $"user-mode networking has one queue pair and {description.Queues} were asked for; ask for 1, or connect to a tap");
                }

                return PasstBackend.Start([.. description.PortForwards.IsDefault
                    ? []
                    : description.PortForwards.Select(port => Forwarded(port, index))]);
            default:
                throw new ArgumentOutOfRangeException(nameof(description), description.Kind, "no such back end");
        }
    }

    /// <summary>Without a wish for queues a tap that was made for one serves with that.</summary>
    private static TapBackend OpenTap(string name, int queues, int virtualCpus)
    {
        int wanted = queues == 0 ? VirtioNetworkOptions.DefaultQueuePairs(virtualCpus) : queues;
        bool single = queues == 0 && wanted > 1 && TapBackend.ExistsForOneQueue(name);
        return TapBackend.Open(name, single ? 1 : wanted);
    }

    private static ForwardedPort Forwarded(PortForward port, int index)
    {
        IPAddress? address = null;
        return port.Address is null || IPAddress.TryParse(port.Address, out address)
            ? new ForwardedPort(port.HostPort, port.GuestPort, address, port.IsDatagram)
            : throw Contradiction(index, $"'{port.Address}' is no address of the host; write one as numbers, such as 127.0.0.1 or ::1");
    }

    /// <summary>
    /// The same at every start where something tells the machine from others, so that leases and firewalls know it again. Machines that
    /// share the name that nobody gave them would collide on a common network: they get an address by chance.
    /// </summary>
    private static MacAddress AddressOf(NetworkDescription description, int index, MachineDescription machine)
    {
        if (description.MacAddress is not { } text)
        {
            return machine.Name != MachineDescription.DefaultName ? MacAddress.Derive(machine.Name, index)
                : machine.Uuid != Guid.Empty ? MacAddress.Derive(machine.Uuid.ToString(), index)
                : MacAddress.Random();
        }

        return MacAddress.TryParse(text, out MacAddress address) && !address.IsGroup && address.Value != 0
            ? address
            : throw Contradiction(
                index, $"'{text}' cannot be a station's address; write six hexadecimal bytes, the first one even, such as 52:54:00:12:34:56");
    }

    private static MachineException Contradiction(int index, string reason) =>
        new(MachineErrorKind.Configuration, string.Create(CultureInfo.InvariantCulture, $"network {index}: {reason}"));
}
