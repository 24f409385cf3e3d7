namespace Nacelle.Cli;

/// <summary>What help says of <c>nacelle check</c>.</summary>
internal static class CheckPage
{
    internal static CommandPage Page { get; } = new(
        "nacelle check FILE… [options]\n       nacelle check [options] --qemu QEMU-ARGUMENT…",
        [
            new("Check a guest for what other monitors take without a word", "nacelle check guest.xml"),
            new("Check all guests of a libvirt host for a release, with a look at this host", "nacelle check /etc/libvirt/qemu/*.xml --profile rhel7 --host"),
            new("Check a running guest", "virsh dumpxml guest | nacelle check - --profile rhel7"),
            new("Correct what needs no decision", "nacelle check guest.xml --profile rhel7 --fix corrected.xml"),
            new("See before a migration what would be in its way", "nacelle check guest.xml --host --migrate-to other-host.json"),
            new("Ask whether a snapshot could be taken while the guest runs", "nacelle check guest.xml --profile rhel7 --operation snapshot"),
            new("Write a page for a browser", "nacelle check /etc/libvirt/qemu/*.xml --profile rhel7 --html report.html"),
            new("Give findings to a code host", "nacelle check guests/web.xml --profile rhel7 --sarif > nacelle.sarif"),
            new("Check a QEMU command line", "nacelle check --profile rhel7 --qemu -machine q35,accel=kvm -smp 300"),
            new("List refused rules in a script", "nacelle check guest.xml --json | jq -r '.documents[].findings[] | select(.severity == \"refusal\") | .ruleId'"),
        ],
        [
            new("Severities and exit codes",
            [
                ("nothing, notice", "0: what was found holds nothing back."),
                ("warning", "24: it works, and can do harm or does not do what was meant; elements that are not understood are warnings."),
                ("refusal", "26: under the profile the machine does not start, or the operation is not done."),
                ("error", "4: the text cannot be used; no other rule was asked."),
                ("no file", "6: a file cannot be read or written; the others are checked nevertheless."),
            ]),
        ]);
}
