using System.CommandLine;
using Nacelle.Configuration;

namespace Nacelle.Cli;

/// <summary><c>nacelle completion</c>: the script that teaches a shell this command line.</summary>
internal sealed class CompletionCommand : Command, IDocumentedCommand
{
    private static readonly string[] s_shells = ["bash", "zsh", "fish"];

    /// <summary>Makes the command.</summary>
    internal CompletionCommand() : base("completion", "Print the script that makes a shell complete this command line.")
    {
        Argument<string> shell = new("shell")
        {
            Description = "bash, zsh or fish.",
            CustomParser = result =>
            {
                string text = result.Tokens[0].Value;
                if (!s_shells.Contains(text))
                {
                    result.AddError(NearestName.Refusal("shell", text, s_shells));
                }

                return text;
            },
        };
        shell.CompletionSources.Add(s_shells);
        Add(shell);
        SetAction(result => CommandLine.Print(ShellScripts.Of(result.GetRequiredValue(shell))));
    }

    /// <inheritdoc/>
    public CommandPage Page { get; } = new(
        "nacelle completion bash|zsh|fish",
        [
            new("Complete in this bash session", "source <(nacelle completion bash)"),
            new("Complete in every bash session", "nacelle completion bash > ~/.local/share/bash-completion/completions/nacelle"),
            new("Complete in zsh, with the directory in $fpath", "nacelle completion zsh > ~/.zfunc/_nacelle"),
            new("Complete in fish", "nacelle completion fish > ~/.config/fish/completions/nacelle.fish"),
        ],
        []);
}
