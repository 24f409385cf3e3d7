namespace Nacelle.Cli.Tests;

/// <summary>Writes small guests for examples, as people write them.</summary>
internal static class ExampleGuest
{
    /// <summary>Writes one.</summary>
    /// <param name="devices">Lines in the devices element.</param>
    /// <param name="more">Lines before it.</param>
    /// <param name="vcpu">The element with the number of vCPUs.</param>
    /// <param name="type">The domain's type.</param>
    /// <param name="machine">The board.</param>
    /// <param name="memory">The element with the memory.</param>
    internal static string Write(
        string devices = "", string more = "", string vcpu = "<vcpu>2</vcpu>", string type = "kvm", string machine = "pc-q35-7.2",
        string memory = "<memory unit='GiB'>2</memory>") => string.Join('\n',
    [
        $"<domain type='{type}'>",
        "  <name>guest</name>",
        $"  {memory}",
        $"  {vcpu}",
        "  <os>",
        $"    <type arch='x86_64' machine='{machine}'>hvm</type>",
        "  </os>",
        .. Lines(more, 2),
        .. devices.Length == 0 ? [] : (string[])["  <devices>", .. Lines(devices, 4), "  </devices>"],
        "</domain>",
        "",
    ]);

    /// <summary>A virtio disk.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="driver">Attributes of its driver.</param>
    /// <param name="more">Lines after its target.</param>
    internal static string Disk(string name = "vda", string driver = "cache='none'", string more = "") => string.Join('\n',
    [
        "<disk type='file' device='disk'>",
        $"  <driver name='qemu' type='qcow2'{(driver.Length == 0 ? "" : " " + driver)}/>",
        $"  <source file='/var/lib/libvirt/images/{name}.qcow2'/>",
        $"  <target dev='{name}' bus='virtio'/>",
        .. Lines(more, 2),
        "</disk>",
    ]);

    private static IEnumerable<string> Lines(string text, int indent) =>
        text.Length == 0 ? [] : text.Split('\n').Select(line => new string(' ', indent) + line);
}
