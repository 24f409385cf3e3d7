namespace Nacelle.Cli;

/// <summary>Completion scripts: each asks the program itself, with the parser's suggest directive, what could come next.</summary>
internal static class ShellScripts
{
    private const string Bash = """
        # bash completion for nacelle
        _nacelle() {
          # Bash cuts words at '=' and ':' too: the whole word is what stands behind the last blank.
          local line=${COMP_LINE:0:COMP_POINT} word before cut suggestion
          word=${line##* }
          cut=${word##*[=:]}
          before=${word%"$cut"}
          COMPREPLY=()
          while IFS= read -r suggestion; do
            [[ -n $suggestion && $suggestion == "$word"* ]] && COMPREPLY+=("${suggestion#"$before"}")
          done < <("${COMP_WORDS[0]}" "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)
          # Where nothing is suggested, a file is meant.
          if [ ${#COMPREPLY[@]} -eq 0 ]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r suggestion; do COMPREPLY+=("$suggestion"); done < <(compgen -f -- "$cut")
          elif [[ ${COMPREPLY[0]} == *[=:,+-] ]]; then
            compopt -o nospace 2>/dev/null
          fi
        }
        complete -F _nacelle nacelle

        """;

    private const string Zsh = """
        #compdef nacelle
        # zsh completion for nacelle
        _nacelle() {
          local -a suggestions
          suggestions=("${(@f)$(${words[1]} "[suggest:$#BUFFER]" "$BUFFER" 2>/dev/null)}")
          if [ -n "${suggestions[1]}" ]; then compadd -- $suggestions; else _files; fi
        }
        compdef _nacelle nacelle

        """;

    private const string Fish = """
        # fish completion for nacelle
        complete -c nacelle -f -a '(set -l line (commandline -cp); nacelle "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null)'
        complete -c nacelle -F -n '__fish_seen_subcommand_from run'

        """;

    /// <summary>The script of a shell.</summary>
    internal static string Of(string shell) => shell switch
    {
        "bash" => Bash,
        "zsh" => Zsh,
        "fish" => Fish,
        _ => throw new ArgumentOutOfRangeException(nameof(shell), shell, "no such shell"),
    };
}
