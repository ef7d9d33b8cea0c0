"""Completion for bash, zsh and fish: small scripts that ask ``agentflow __complete``."""

import argparse
import shlex
from collections.abc import Sequence
from contextlib import suppress

from agentflow_tui.cli.candidates import candidates
from agentflow_tui.cli.output import put
from agentflow_tui.errors import AgentflowError

_BASH = """\
_agentflow() {
    local line=${COMP_LINE:0:COMP_POINT} IFS=' '
    [[ $line ]] || line=${COMP_WORDS[*]:0:COMP_CWORD+1}  # from what completes for an alias
    IFS=$'\\n'
    COMPREPLY=($(agentflow __complete bash -- "$line" "$COMP_WORDBREAKS" 2>/dev/null))
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[:=,.] ]] && compopt -o nospace
}
complete -o nosort -F _agentflow agentflow"""

_ZSH = """\
#compdef agentflow
_agentflow() {
    local -a found going done
    found=("${(@f)$(agentflow __complete zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    going=(${(M)found:#*[:=,.]})
    done=(${found:#*[:=,.]})
    (( $#going )) && compadd -S '' -- "${going[@]}"
    (( $#done )) && compadd -- "${done[@]}"
}
compdef _agentflow agentflow"""

_FISH = """\
function __agentflow_complete
    set -l words (commandline -opc)
    agentflow __complete fish -- $words[2..] (commandline -ct | string collect) 2>/dev/null
end
complete -c agentflow -f -a '(__agentflow_complete)'"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
GOES_ON = (":", "=", ",", ".")
"""What ends so is no whole word yet."""

_QUOTES = ("", '"', "'")


def add_options(parser: argparse.ArgumentParser, name: str) -> None:
    """What can be said with it."""
    parser.add_argument("shell", choices=tuple(_SCRIPTS))
    if name == "__complete":
        parser.add_argument("words", nargs="*")


def run(options: argparse.Namespace) -> int:
    """Print a completion script, or for such a script what may follow."""
    if options.name == "completion":
        put(_SCRIPTS[options.shell])
        return 0
    with suppress(AgentflowError):
        for candidate in following(options.shell, options.words):
            put(candidate)
    return 0


def following(shell: str, given: Sequence[str]) -> list[str]:
    """What may stand in the place of the last word, as the shell inserts it.

    bash gives the line up to the cursor, and the characters at which it breaks words; the others
    give the words, as they are quoted.
    """
    if shell != "bash":
        *before, word = [unquoted(word)[0] for word in given] or [""]
        return candidates(before, word)
    line, breaks = given[0], given[1] if len(given) > 1 else ""
    words, quote = _split(line)
    found = candidates(words[1:-1], words[-1])
    if not quote:
        return [_from_break(text, words[-1], breaks) for text in found]
    if len(found) == 1 and found[0].endswith(GOES_ON):
        # bash ends the quote behind what is the only one: so those that follow are told, too.
        found += candidates(words[1:-1], found[0])
    return found


def _split(line: str) -> tuple[list[str], str]:
    """The words of a line up to the cursor, the last of which may be empty, and the quote that is
    open there."""
    for quote in _QUOTES:
        with suppress(ValueError):
            words = shlex.split(line + quote)
            ended = not quote and line[-1:].isspace() and not line.endswith("\\ ")
            return ([*words, ""] if ended or not words else words), quote
    return [line, ""], ""


def unquoted(word: str) -> tuple[str, str]:
    """A word without its quotes, and the quote that is left open."""
    for quote in _QUOTES:
        with suppress(ValueError):
            return " ".join(shlex.split(word + quote)), quote
    return word, ""


def _from_break(text: str, word: str, breaks: str) -> str:
    """A candidate from the last character on at which bash breaks the word that it completes."""
    cut = max((word.rfind(character) + 1 for character in ":=" if character in breaks), default=0)
    return text[cut:]
