using System.Runtime.InteropServices;
using Nacelle.Block;
using Nacelle.Devices.Virtio.Block;
using Nacelle.Linux;

namespace Nacelle.Machine.Board;

/// <summary>A disk from the host's file up to the virtio device, with the loop that owns all of it.</summary>
internal sealed class DiskAttachment : IDisposable
{
    private readonly EventLoop _loop;
    private readonly FileEngine? _engine;
    private readonly ErrorPolicyNode? _node;

    /// <summary>Opens the file and makes the device.</summary>
    /// <param name="description">The disk.</param>
    /// <param name="loop">Owns all of it; the attachment disposes it.</param>
    /// <param name="virtualCpus">Of the machine, for the number of queues.</param>
    /// <param name="paused">Told on the disk's loop, in one line, why the machine has to pause.</param>
    /// <exception cref="MachineException">The file cannot be had, or an option is out of its range.</exception>
    internal DiskAttachment(DiskDescription description, EventLoop loop, int virtualCpus, Action<string> paused)
    {
        _loop = loop;
        try
        {
            FileEngine engine = _engine = FileEngine.Create(_loop);
            RawFileNode file = RawFileNode.Open(
                new RawFileOptions
                {
                    Path = description.Path,
                    ReadOnly = description.ReadOnly,
                    Cache = CacheOf(description.Cache),
                    Discard = description.Discard,
                    SaidToBeRaw = description.SaidToBeRaw,
                },
                engine);
            _node = new ErrorPolicyNode(
                file, PolicyOf(description.OnError), fault => paused(Describe(description.Path, fault)));
            Device = new VirtioBlockDevice(_node, _loop, new VirtioBlockOptions
            {
                Queues = description.Queues == 0 ? VirtioBlockOptions.DefaultQueues(virtualCpus) : description.Queues,
                Serial = description.Serial,
            });
        }
        catch (Exception error) when (error is BlockOpenException or LinuxException)
        {
            Dispose();
            throw new MachineException(MachineErrorKind.HostResource, error.Message, error);
        }
        catch (ArgumentException error)
        {
            Dispose();
            string message = error.ParamName is null ? error.Message : error.Message.Replace($" (Parameter '{error.ParamName}')", "");
            throw new MachineException(MachineErrorKind.Configuration, $"disk {description.Path}: {message}", error);
        }
    }

    /// <summary>What the guest drives.</summary>
    internal VirtioBlockDevice Device { get; } = null!;

    /// <summary>Tries requests again that the host refused.</summary>
    internal void Resume() => _loop.Post(() => _node?.Resume());

    /// <summary>After the transport is gone.</summary>
    public void Dispose()
    {
        Device?.Dispose();
        _loop.Invoke(() =>
        {
            _node?.Dispose();
            _engine?.Dispose();
        });
        _loop.Dispose();
    }

    private static string Describe(string path, BlockFault fault) => fault.IsLost
        ? $"the host lost writes to {path} ({Marshal.GetPInvokeErrorMessage(fault.ErrorNumber)}): the guest is told when the machine goes on, "
            + "and its flushes fail until it is started anew"
        : $"{fault.Operation.ToString().ToLowerInvariant()} at byte {fault.Offset} of {path}: "
        + $"{Marshal.GetPInvokeErrorMessage(fault.ErrorNumber)}; make room or mend the host, then continue the machine";

    private static BlockCacheMode CacheOf(DiskCacheMode mode) => mode switch
    {
        DiskCacheMode.Writeback => BlockCacheMode.Writeback,
        DiskCacheMode.None => BlockCacheMode.None,
        DiskCacheMode.Writethrough => BlockCacheMode.Writethrough,
        DiskCacheMode.DirectSync => BlockCacheMode.DirectSync,
        DiskCacheMode.Unsafe => BlockCacheMode.Unsafe,
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "no such cache mode"),
    };

    private static BlockErrorPolicy PolicyOf(DiskErrorPolicy policy) => policy switch
    {
        DiskErrorPolicy.Report => BlockErrorPolicy.Report,
        DiskErrorPolicy.Stop => BlockErrorPolicy.Stop,
        DiskErrorPolicy.StopWhenFull => BlockErrorPolicy.StopWhenFull,
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "no such error policy"),
    };
}
